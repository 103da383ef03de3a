//! Held against what the real Collector says of whole configurations.

use crate::still::still;
use tailweir_config::Settings;
use tailweir_testkit::{Folder, Tally, load_case};

/// Scenario: the processors of every whole configuration of the vectors that can be loaded are compiled.
/// Guarantees: those that the Collector takes compile, and where it refuses a condition or a statement one
/// does not.
#[test]
fn golden_config_processors() {
    let folder = Folder::open("config");
    let mut tally = Tally::default();
    let (mut passed, mut failures) = (0, Vec::new());
    for case in folder.suites("case.json") {
        let Some(settings) = load_case(&folder, &case).settings else {
            continue;
        };
        let expected = folder.json(&format!("{case}/expected.json"));
        let reason = expected["reason"].as_str().unwrap_or_default();
        let is_wanted = match reason {
            "valid" => true,
            "bad condition" | "bad statement" => false,
            // Something else is wrong with it.
            _ => continue,
        };
        let mistakes = mistakes(&settings);
        match mistakes.is_empty() == is_wanted {
            true => passed += 1,
            false => failures.push(format!("{case}: {reason}, but {mistakes:?}")),
        }
    }
    tally.record("config", "processors", passed, None, &failures);
    tally.finish("config, processors");
}

fn mistakes(settings: &Settings) -> Vec<String> {
    let mut found = Vec::new();
    for (id, processor) in &settings.processors {
        let transform = match tailweir_transform::compile(processor, &still()) {
            Ok(Some(transform)) => transform,
            Ok(None) => continue,
            Err(errors) => {
                found.push(format!("{id}: {errors}"));
                continue;
            }
        };
        let pipelines = settings.pipelines.iter();
        for pipeline in pipelines.filter(|pipeline| pipeline.processors.contains(id)) {
            let checked = transform.check(pipeline.id.signal);
            found.extend(checked.err().map(|error| format!("{id}: {error}")));
        }
    }
    found
}
