//! The limits of nextest, which end a test even while it is held.
//!
//! <https://nexte.st/docs/configuration/reference/>

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use summon_syntax::duration;

use super::setting::humantime;
use super::toml::{self, Table, Value};
use crate::sys::runner;

/// Returns a warning if nextest's settings cut a hold short that begins now, or may do so. `begun`: when
/// the test began.
pub(super) fn warning(test: &str, begun: Instant, hold: Duration) -> Option<String> {
    let runner = runner::current().filter(|runner| runner.is_nextest)?;
    let root = std::env::var_os("NEXTEST_WORKSPACE_ROOT").map(PathBuf::from);
    // Old versions don't tell the root of the workspace.
    let dirs = runner.dir.as_deref().into_iter().flat_map(Path::ancestors);
    let dirs = root.as_deref().into_iter().chain(dirs);
    let mut files = dirs.map(|dir| dir.join(".config/nextest.toml"));
    let file = files.find(|file| file.is_file())?;
    let text = std::fs::read_to_string(&file).ok()?;
    let profile = std::env::var("NEXTEST_PROFILE").ok();
    let Some(settings) = toml::read(&text) else {
        let file = file.display();
        return Some(format!("{file} can't be read, so its limits are not known"));
    };
    let profile = profile.as_deref().unwrap_or("default");
    let limits = limits(&settings, profile, test);
    let limits = limits.into_iter();
    let lines = limits.filter_map(|limit| limit.told(profile, &file, begun.elapsed(), hold));
    let lines: Vec<String> = lines.collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// A time after which nextest ends a test, or the run.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Limit {
    setting: &'static str,
    after: Duration,
    /// The condition, if this reader can't decide whether it applies to the test.
    condition: Option<String>,
}

impl Limit {
    fn told(&self, profile: &str, file: &Path, age: Duration, hold: Duration) -> Option<String> {
        let file = file.display();
        let after = shown(self.after);
        let remedy = "use a profile without that limit, or `cargo test`";
        let setting = self.setting;
        if setting == "global-timeout" {
            return Some(format!(
                "the run ends {after} after it began (`{setting}` of profile `{profile}` in {file}); {remedy}"
            ));
        }
        let left = self.after.saturating_sub(age);
        if left >= hold {
            return None;
        }
        let left = shown(Duration::from_secs(left.as_secs()));
        Some(match &self.condition {
            None => format!(
                "nextest ends this test {left} from now (`{setting}`: {after}, profile `{profile}` in {file}); \
                 {remedy}"
            ),
            Some(condition) => format!(
                "nextest ends this test {left} from now, if {condition} (`{setting}`: {after}, profile \
                 `{profile}` in {file}); {remedy}"
            ),
        })
    }
}

fn shown(time: Duration) -> String {
    humantime(time)
}

/// Returns the limits for a test: the one for each test, and the one for the run.
fn limits(settings: &Table, profile: &str, test: &str) -> Vec<Limit> {
    let profiles = layers(settings, profile);
    let mut limits = Vec::new();
    // Overrides come first, in the order of the file: the first that applies counts.
    let overrides = profiles.iter().filter_map(|it| it.get("overrides"));
    let overrides = overrides.flat_map(|it| match it {
        Value::List(list) => list.as_slice(),
        _ => &[],
    });
    let overrides = overrides.filter_map(Value::table);
    let mut is_decided = false;
    for one in overrides.filter(|it| it.contains_key("slow-timeout")) {
        let applies = applies(one, test);
        if applies == Applies::No {
            continue;
        }
        let condition = match applies {
            Applies::If(condition) => Some(condition),
            _ => None,
        };
        is_decided = condition.is_none();
        limits.extend(one.get("slow-timeout").and_then(|it| slow(it, condition)));
        if is_decided {
            break;
        }
    }
    let first = |key: &str| profiles.iter().find_map(|profile| profile.get(key));
    if !is_decided {
        limits.extend(first("slow-timeout").and_then(|it| slow(it, None)));
    }
    let global = first("global-timeout").and_then(Value::text);
    let global = global.and_then(|it| duration::parse(it).ok());
    limits.extend(global.map(|after| Limit {
        setting: "global-timeout",
        after,
        condition: None,
    }));
    limits
}

/// Returns a profile, those that it inherits from, and the default one.
fn layers<'a>(settings: &'a Table, profile: &str) -> Vec<&'a Table> {
    let profiles = settings.get("profile").and_then(Value::table);
    let find = |name: &str| profiles?.get(name)?.table();
    let mut layers: Vec<&Table> = Vec::new();
    let mut next = Some(profile.to_owned());
    // Bounded: the file may have a circle, which nextest refuses.
    while let Some(name) = next
        .take()
        .filter(|it| it != "default" && layers.len() < 16)
    {
        let Some(layer) = find(&name) else { break };
        layers.push(layer);
        next = layer
            .get("inherits")
            .and_then(Value::text)
            .map(str::to_owned);
    }
    layers.extend(find("default"));
    layers
}

/// Returns the limit that a `slow-timeout` is. Without `terminate-after` it only marks a test as slow.
fn slow(value: &Value, condition: Option<String>) -> Option<Limit> {
    let table = value.table()?;
    let period = duration::parse(table.get("period")?.text()?).ok()?;
    let Value::Word(times) = table.get("terminate-after")? else {
        return None;
    };
    let after = period.checked_mul(times.replace('_', "").parse().ok()?)?;
    Some(Limit {
        setting: "slow-timeout",
        after,
        condition,
    })
}

/// Whether an override applies to a test.
#[derive(Debug, PartialEq, Eq)]
enum Applies {
    Yes,
    No,
    /// Only nextest can decide it.
    If(String),
}

/// Decides the filters `all()`, `test(part)`, and `test(=name)`. nextest has many others.
fn applies(one: &Table, test: &str) -> Applies {
    let Some(filter) = one.get("filter").and_then(Value::text) else {
        return Applies::If("its `platform` is this one".to_owned());
    };
    let filter = filter.trim();
    let inner = filter
        .strip_prefix("test(")
        .and_then(|it| it.strip_suffix(')'));
    let plain = inner.map(str::trim).filter(|it| {
        let name = it.trim_start_matches(['=', '~']);
        name.chars()
            .all(|it| it.is_alphanumeric() || "_:".contains(it))
    });
    let yes = match (filter, plain) {
        ("all()", _) => true,
        (_, Some(plain)) => match plain.strip_prefix('=') {
            Some(name) => test == name,
            None => test.contains(plain.trim_start_matches('~')),
        },
        _ => return Applies::If(format!("`{filter}` selects it")),
    };
    match (yes, one.contains_key("platform")) {
        (false, _) => Applies::No,
        (true, true) => Applies::If("its `platform` is this one".to_owned()),
        (true, false) => Applies::Yes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &str = r#"
        [profile.default]
        slow-timeout = { period = "60s", terminate-after = 2 }
        [profile.hold]
        slow-timeout = "60s"
        [profile.ci]
        global-timeout = "1h"
        [profile.nightly]
        inherits = "ci"
        [[profile.default.overrides]]
        filter = "test(=slow::one)"
        slow-timeout = { period = "1m", terminate-after = 1_0 }
        [[profile.default.overrides]]
        filter = "test(slow) & package(a)"
        slow-timeout = { period = "1s", terminate-after = 3 }
        [[profile.default.overrides]]
        filter = "test(other)"
        retries = 3
    "#;

    fn limits_of(profile: &str, test: &str) -> Vec<(&'static str, u64, Option<String>)> {
        let settings = toml::read(SETTINGS).unwrap();
        let limits = limits(&settings, profile, test).into_iter();
        let limits = limits.map(|it| (it.setting, it.after.as_secs(), it.condition));
        limits.collect()
    }

    #[test]
    fn the_limits_are_those_of_the_profile_and_of_the_test() {
        let slow = |seconds| ("slow-timeout", seconds, None);
        let unknown = Some("`test(slow) & package(a)` selects it".to_owned());
        let unknown = ("slow-timeout", 3, unknown);
        assert_eq!(limits_of("default", "slow::one"), [slow(600)]);
        let two = [unknown.clone(), slow(120)];
        assert_eq!(limits_of("default", "other"), two);
        assert_eq!(limits_of("none", "other"), two);
        assert_eq!(limits_of("hold", "other"), std::slice::from_ref(&unknown));
        let run = ("global-timeout", 3600, None);
        let ci = [unknown, slow(120), run];
        assert_eq!(limits_of("ci", "other"), ci);
        assert_eq!(limits_of("nightly", "other"), ci);
    }

    #[test]
    fn a_limit_is_told_if_it_comes_before_the_end_of_the_hold() {
        let limit = Limit {
            setting: "slow-timeout",
            after: Duration::from_secs(120),
            condition: None,
        };
        let told = |age, hold| {
            let [age, hold] = [age, hold].map(Duration::from_secs);
            limit.told("ci", Path::new("n.toml"), age, hold)
        };
        assert_eq!(
            told(30, 600).as_deref(),
            Some(
                "nextest ends this test 1 min 30 s from now (`slow-timeout`: 2 min, profile `ci` in n.toml); \
                 use a profile without that limit, or `cargo test`"
            )
        );
        assert_eq!(told(30, 60), None);
    }
}
