terraform {
  required_version = ">= 1.7"
  required_providers {
    helm = {
      source  = "hashicorp/helm"
      version = ">= 1.3"
    }
  }
}

# Where the cluster is: KUBE_CONFIG_PATH, or a `kubernetes` block here, which is written differently in versions 2 and 3.
provider "helm" {}
