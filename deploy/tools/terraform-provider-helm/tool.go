// Package tool pins the provider that tests of the Terraform module build.
package tool
