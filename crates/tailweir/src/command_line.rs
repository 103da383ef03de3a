//! The command line as it may be shown.

/// The arguments of this process, without what may hold secrets: settings and texts of configurations.
pub(crate) fn shown_command_line() -> Vec<String> {
    without_secrets(std::env::args())
}

fn without_secrets(arguments: impl Iterator<Item = String>) -> Vec<String> {
    let mut is_setting = false;
    let public = arguments.map(|argument| {
        let holds_text = is_setting || argument.contains("yaml:");
        is_setting = argument == "--set";
        match argument.split_once('=') {
            Some((name, _)) if holds_text || name == "--set" => format!("{name}=..."),
            None if holds_text => "...".to_owned(),
            _ => argument,
        }
    });
    public.collect()
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    /// Scenario: passwords in settings and in a configuration on the command line, in each way to write them.
    /// Guarantees: none is shown; names of files are.
    #[test]
    fn secrets_of_the_command_line_are_not_shown() {
        let arguments = [
            "tailweir",
            "--config",
            "a.yaml",
            "--set",
            "extensions.bearertokenauth.token=hush",
            "--set=a.b=hush",
            "--config=yaml:{token: hush}",
            "--config",
            "yaml:{token: hush}",
        ];
        let shown = without_secrets(arguments.map(str::to_owned).into_iter()).join(" ");
        let expected = "tailweir --config a.yaml --set extensions.bearertokenauth.token=... \
                        --set=... --config=... --config ...";
        assert_eq!(shown, expected);
    }
}
