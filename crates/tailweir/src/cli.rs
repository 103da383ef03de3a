//! The command line: what can be asked for, and nothing about how it is done.

mod cluster;
mod operations;

pub(crate) use cluster::ClusterArguments;
pub(crate) use operations::{
    ApplyArguments, ChangeArguments, ClusterCommand, DrainArguments, ForgetArguments,
    LookArguments, RemoveArguments, SlotsArguments,
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

const ABOUT: &str = "A tail-sampling OpenTelemetry gateway that reads Collector configuration";

const AFTER_HELP: &str = "\
Without --config Tailweir starts on an embedded configuration: OTLP on 4317 and 4318, errors, slow
traces and 10 % of the rest kept and shown here.

  tailweir                             start on the embedded configuration
  tailweir demo                        send it a realistic workload and sum up what happened
  tailweir --config gateway.yaml       start on a Collector's configuration
  tailweir validate --config FILE      report every mistake at once
  tailweir policy simulate --help      decide captured traces offline";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "tailweir",
    version,
    about = ABOUT,
    after_help = AFTER_HELP,
    args_conflicts_with_subcommands = true
)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) run: RunArguments,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What to do; without one of these, run.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the gateway (the same as no command)
    Run(RunArguments),
    /// Check a configuration and everything in it that is compiled, and report every mistake
    Validate(ValidateArguments),
    /// Print the configuration as it is after merging and substitution, with secrets hidden
    PrintConfig(PrintConfigArguments),
    /// List the components that are built in
    Components,
    /// What can be configured
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Send a realistic workload to Tailweir and sum up what became of it
    Demo(DemoArguments),
    /// Ask a running Tailweir whether it is ready; exit 0 or 1
    Healthcheck(HealthcheckArguments),
    /// See and change a running cluster
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// Rewrite the configuration of another program, and report what that means
    #[command(subcommand)]
    Migrate(MigrateCommand),
    /// Compute what a load needs: memory, cores, samplers
    Size(SizeArguments),
    /// Work with sampling policies
    #[command(subcommand)]
    Policy(PolicyCommand),
}

/// Sub-commands of `config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the JSON Schema of the configuration
    Schema,
    /// Print every option of every component, in Markdown
    Reference,
    /// Print every metric, in Markdown
    Metrics,
}

/// Sub-commands of `policy`.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Decide captured traces with the engine of the gateway, on a virtual clock
    Simulate(SimulateArguments),
    /// Put policies into force in all processes of a cluster
    Apply(ApplyArguments),
}

/// Sub-commands of `migrate`.
#[derive(Debug, Subcommand)]
pub(crate) enum MigrateCommand {
    /// Join Collectors in two tiers (a load_balancing exporter in front of samplers)
    Collector {
        /// The Collector's file; of two tiers, both
        #[arg(value_name = "FILE", required = true, num_args = 1..=2)]
        files: Vec<PathBuf>,
        /// Where to write; absent: standard output
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Rewrite the rules of Honeycomb Refinery
    Refinery {
        /// The file of rules (`RulesVersion: 2`)
        #[arg(value_name = "RULES")]
        rules: PathBuf,
        /// Refinery's own configuration, for its timeouts and where it sends
        #[arg(long, value_name = "FILE")]
        settings: Option<PathBuf>,
        /// Which sampler of the rules
        #[arg(long, value_name = "NAME", default_value = "__default__")]
        environment: String,
        /// Where to write; absent: standard output
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// Where the configuration comes from and how it is read.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ConfigArguments {
    /// File or URI (file:, env:, yaml:) of the configuration; several are merged, the last one wins
    #[arg(long = "config", value_name = "URI")]
    pub(crate) sources: Vec<String>,
    /// Overrides one value, such as processors.batch.timeout=2s; applied last
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub(crate) overrides: Vec<String>,
    /// Feature gates of the Collector, such as +a,-b; unknown ones are refused
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    pub(crate) feature_gates: Vec<String>,
    /// Refuse deprecated names and forms that are otherwise accepted with a warning
    #[arg(long)]
    pub(crate) strict: bool,
    /// Whose rule holds where a policy of the Collector errs
    #[arg(long, value_enum, value_name = "WHOSE")]
    pub(crate) compat: Option<Compat>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArguments,
}

/// Values of `--compat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compat {
    /// What the option says
    Tailweir,
    /// What the Collector does
    Collector,
}

/// Arguments of `run`.
#[derive(Debug, Clone, Args)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// Address of the admin listener (/metrics, /livez, /readyz, /status); wins over the configuration
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) admin: Option<String>,
    /// Longest time that stopping may take
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub(crate) drain_time: Duration,
    /// How often the configuration is looked at for changes; 0 to look only on SIGHUP
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    pub(crate) watch_interval: Duration,
    /// The live line at the foot of the terminal
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = StatusLine::Auto)]
    pub(crate) status_line: StatusLine,
}

/// Values of `--status-line`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusLine {
    /// When standard error is a terminal
    Auto,
    /// Even when it is not
    Always,
    /// Not at all
    Never,
}

/// Arguments of `validate`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ValidateArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// How it is told: text on standard error, or one JSON object on standard output
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = ReportFormat::Text)]
    pub(crate) format: ReportFormat,
}

/// Values of `validate --format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people, with the lines in question
    Text,
    /// For programs
    Json,
}

/// Arguments of `print-config`.
#[derive(Debug, Clone, Args)]
pub(crate) struct PrintConfigArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// Accepted for the Collector's sake; the output is always redacted
    #[arg(long, value_name = "MODE", default_value = "redacted", value_parser = ["redacted"])]
    pub(crate) mode: String,
}

/// Arguments of `demo`.
#[derive(Debug, Clone, Args)]
pub(crate) struct DemoArguments {
    /// Start three members of a cluster as processes of their own, kill one in the middle, and count what is lost
    #[arg(long, conflicts_with_all = ["endpoint", "admin"])]
    pub(crate) cluster: bool,
    /// OTLP/gRPC address to send to
    #[arg(long, value_name = "HOST:PORT", default_value = "localhost:4317")]
    pub(crate) endpoint: String,
    /// Admin address of the same Tailweir; when nothing answers there, the demo starts one itself
    #[arg(long, value_name = "HOST:PORT", default_value = "localhost:8888")]
    pub(crate) admin: String,
    /// How long to send
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = duration)]
    pub(crate) duration: Duration,
    /// Traces a second
    #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) rate: u32,
    /// Window of the Tailweir that the demo starts; late spans come after one and a half of it
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    pub(crate) decision_wait: Duration,
    /// Seed of the workload; the same seed sends the same traces
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
}

/// Arguments of `healthcheck`.
#[derive(Debug, Clone, Args)]
pub(crate) struct HealthcheckArguments {
    /// Admin address of the Tailweir to ask
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "localhost:8888",
        env = "TAILWEIR_ADMIN"
    )]
    pub(crate) admin: String,
    /// Ask at this address instead whether OTLP over gRPC is taken, by an empty request
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) otlp: Option<String>,
    /// Longest time to wait for the answer
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Ask again for so long, as long as the answer is none or no good one
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    pub(crate) patience: Duration,
}

/// Arguments of `size`.
#[derive(Debug, Clone, Args)]
pub(crate) struct SizeArguments {
    /// Spans a second, of all clients together
    #[arg(long, value_name = "RATE", conflicts_with = "from", value_parser = positive)]
    pub(crate) spans_per_second: Option<f64>,
    /// Measure rate and sizes at the Tailweir with this admin address instead
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) from: Option<String>,
    /// How long to measure
    #[arg(long = "for", value_name = "DURATION", default_value = "10s", value_parser = duration)]
    pub(crate) during: Duration,
    /// Bytes of a span
    #[arg(long, value_name = "BYTES", default_value = "600", value_parser = positive)]
    pub(crate) span_bytes: f64,
    /// Spans of a trace
    #[arg(long, value_name = "COUNT", default_value = "16", value_parser = positive)]
    pub(crate) spans_per_trace: f64,
    /// How long a trace waits for its decision (decision_wait)
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub(crate) window: Duration,
    /// How many times the rate a peak has
    #[arg(long, value_name = "FACTOR", default_value = "2", value_parser = positive)]
    pub(crate) peak: f64,
    /// Copies of each span in a cluster
    #[arg(long, value_name = "COPIES", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) replication: u8,
    /// Most memory of one sampler, in MiB; more samplers are used beyond it
    #[arg(long, value_name = "MIB", default_value_t = 8192, value_parser = clap::value_parser!(u64).range(256..))]
    pub(crate) memory_mib_max: u64,
}

/// Arguments of `policy simulate`.
#[derive(Debug, Clone, Args)]
pub(crate) struct SimulateArguments {
    /// A whole configuration, or a file with only a tail_sampling: block
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// Which tail_sampling processor to use, when the configuration has several
    #[arg(long, value_name = "ID")]
    pub(crate) processor: Option<String>,
    /// Captured traces: OTLP JSON lines or OTLP protobuf, plain or .gz
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) input: Vec<PathBuf>,
    /// Write one JSON line per trace here
    #[arg(long, value_name = "FILE")]
    pub(crate) decisions: Option<PathBuf>,
    /// Let spans arrive as their end times say, instead of all before the first deadline
    #[arg(long, conflicts_with = "isolate")]
    pub(crate) pace: bool,
    /// Decide each trace as if it had come alone: limiters are full for every one
    #[arg(long)]
    pub(crate) isolate: bool,
}

/// Reads a number above zero.
fn positive(text: &str) -> Result<f64, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "not a number above zero".to_owned())
}

/// Reads a duration of the command line.
fn duration(text: &str) -> Result<Duration, String> {
    tailweir_config::parse_duration(text)
        .ok_or_else(|| "not a duration such as 30s, 1.5m or 500ms".to_owned())
}
