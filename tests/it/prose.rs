//! The English of comments and documentation stays plain.
//!
//! The tests count turns of phrase that make a reader translate. The count is a mirror: when a
//! test fails, reword the thought of the sentences that it prints.

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// The counted paths, each with its limit per 100 sentences.
const LIMITS: [(&str, usize); 8] = [
    ("README.md", 5),
    ("summon/docs", 5),
    ("summon/src", 5),
    ("summon-macros/src", 5),
    ("summon-syntax/src", 5),
    ("tests", 5),
    ("examples", 5),
    ("fuzz", 5),
];

/// Turns of phrase that count wherever they stand, in upper and lower case.
const TURNS: &str = "whoever|whatever|whichever|somebody|somebody's|nobody|nobody's|anybody|\
    everybody|is told|are told|was told|be told|tells of|told of|tells it|tells them|but for|\
    of theirs|of its own|of ours|of yours|of one's own|of nextest's|of rstest's|of summon's|\
    of root's|hence|thereby|besides|ones that|one that|one with|one of which|of which|whose|\
    to whom|of whom|such a one|so long|as long|has it|have it|is there|are there|was there|\
    were there|is gone|are gone|has gone|at which|in which|by which|for which|those that|\
    those of|those who|that of|lets? in|of it|of them|of that|of those|by itself|by themselves|\
    it takes|has to|have to|may well|as well|in whatever|however it|with whatever|which is why|\
    need not|may not|is to be|are to be|is to run|who is|who are|who has|who wants|who waits|\
    comes again|comes and goes|come along|goes with|go with|stands for|stands in|stand in|\
    what is wrong|what it|what they|what is|what has|what was|what that|nothing of|none of it";

/// Words that count where they open a sentence.
const OPENINGS: &str = "Of|What|Who|Whoever|Nor|Neither|Not|That of|Those|Nobody|Somebody|\
    But for|To (?:make|look|listen|read)";

/// The directories that hold other people's text, or data.
const SKIPPED: [&str; 5] = ["target", ".git", "node_modules", "seeds", "fixtures"];

/// The compiled patterns.
struct Counter {
    turns: Regex,
    openings: Regex,
    code: Regex,
}

/// A sentence with at least one hit.
struct Hit {
    hits: usize,
    file: String,
    sentence: String,
}

/// The prose of one entry of [`LIMITS`].
#[derive(Default)]
struct Prose {
    sentences: usize,
    found: Vec<Hit>,
}

impl Counter {
    fn new() -> Self {
        Self {
            turns: Regex::new(&format!(r"(?i-u)\b(?:{TURNS})\b")).unwrap(),
            openings: Regex::new(&format!(r"(?-u)^(?:{OPENINGS})\b")).unwrap(),
            code: Regex::new(r"`[^`]*`").unwrap(),
        }
    }

    fn count(&self, prose: &mut Prose, file: &str, text: &str) {
        let text = if file.ends_with(".rs") {
            comments(text)
        } else {
            markdown(text)
        };
        let text = self.code.replace_all(&text, "`x`");
        for sentence in sentences(&text) {
            let opens = self.openings.is_match(&sentence);
            let hits = self.turns.find_iter(&sentence).count() + usize::from(opens);
            prose.sentences += 1;
            if hits > 0 {
                let file = file.to_owned();
                prose.found.push(Hit {
                    hits,
                    file,
                    sentence,
                });
            }
        }
    }
}

impl Prose {
    fn hits(&self) -> usize {
        self.found.iter().map(|it| it.hits).sum()
    }

    fn rate(&self) -> f64 {
        100.0 * self.hits() as f64 / self.sentences.max(1) as f64
    }

    /// The sentences with the most hits for their length, one a line.
    fn worst(mut self, number: usize) -> String {
        let weight = |it: &Hit| it.hits as f64 / (it.sentence.split(' ').count() + 12) as f64;
        self.found
            .sort_by(|a, b| weight(b).total_cmp(&weight(a)).then(a.file.cmp(&b.file)));
        let worst = self.found.iter().take(number);
        worst
            .map(|it| format!("{}  {}: {}\n", it.hits, it.file, it.sentence))
            .collect()
    }
}

/// The comments of a Rust file, without headings, links, and code.
fn comments(text: &str) -> String {
    let mut out = String::new();
    let mut in_code = false;
    for line in text.lines() {
        let comment = line.trim_start().strip_prefix("//").map(|rest| {
            let rest = rest.strip_prefix(['/', '!']).unwrap_or(rest);
            rest.strip_prefix(char::is_whitespace).unwrap_or(rest)
        });
        let comment = comment.unwrap_or_default();
        if comment.starts_with("```") {
            in_code = !in_code;
        } else if !in_code && comment.starts_with('|') {
            let cells = comment.trim_matches('|').replace(" | ", "\n");
            out += &format!("\n{cells}\n");
        } else if !in_code && !["#", "[`", "    "].iter().any(|it| comment.starts_with(it)) {
            out += comment;
        }
        out.push('\n');
    }
    out
}

/// The text of a Markdown page, without headings, links, and code.
fn markdown(text: &str) -> String {
    let text: String = text.split("```").step_by(2).collect();
    let lines = text.lines().map(|line| match line.chars().next() {
        Some('#' | '[') => "\n".to_owned(),
        _ => line.replace(" | ", "\n\n") + "\n",
    });
    lines.collect()
}

/// The sentences of four words and more. A blank line ends a sentence too.
fn sentences(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut sentence: Vec<&str> = Vec::new();
    let mut end = |sentence: &mut Vec<&str>| {
        if sentence.len() >= 4 {
            found.push(sentence.join(" ").trim_matches(['-', ' ']).to_owned());
        }
        sentence.clear();
    };
    for line in text.lines() {
        if line.trim().is_empty() {
            end(&mut sentence);
        }
        for word in line.split_whitespace() {
            let last_ends = |it: &&str| it.ends_with(['.', '!', '?', ':', ';']);
            let opens = |c: char| c.is_ascii_uppercase() || c == '`' || c == '[';
            if sentence.last().is_some_and(last_ends) && word.starts_with(opens) {
                end(&mut sentence);
            }
            sentence.push(word);
        }
    }
    end(&mut sentence);
    found
}

/// The Rust files and Markdown pages at or below a path.
fn files(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_file() {
        if path.extension().is_some_and(|it| it == "rs" || it == "md") {
            found.push(path.to_owned());
        }
    } else if !SKIPPED.iter().any(|it| path.ends_with(it)) {
        for entry in fs::read_dir(path).unwrap() {
            files(&entry.unwrap().path(), found);
        }
    }
}

#[test]
fn stays_plain() {
    let counter = Counter::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut failed = String::new();
    for (path, limit) in LIMITS {
        let mut found = Vec::new();
        files(&root.join(path), &mut found);
        let mut prose = Prose::default();
        for file in &found {
            let name = file.strip_prefix(root).unwrap().display().to_string();
            counter.count(&mut prose, &name, &fs::read_to_string(file).unwrap());
        }
        assert!(prose.sentences > 0, "{path} holds no prose");
        let rate = format!("{path}: {:.1} per 100 sentences", prose.rate());
        println!("{rate}");
        if prose.hits() * 100 > limit * prose.sentences {
            failed += &format!(
                "{rate}, the limit is {limit}; the worst:\n{}",
                prose.worst(20)
            );
        }
    }
    assert!(failed.is_empty(), "{failed}");
}

#[test]
fn with_a_bad_sentence_is_found() {
    let counter = Counter::new();
    let mut prose = Prose::default();
    let plain = "/// Sends the signal to the process.\nfn f() {} // whoever\n";
    counter.count(&mut prose, "plain.rs", plain);
    assert_eq!((prose.sentences, prose.hits()), (1, 0));

    let bad =
        "//! Stops it. What has\n//! gone is told of.\n\n/// ```\n/// whoever has it\n/// ```\n";
    counter.count(&mut prose, "bad.rs", bad);
    // The hits are the opening `What`, `what has`, and `is told`.
    assert_eq!((prose.sentences, prose.hits()), (2, 3));

    let page = "# Whoever is told of it\n\nStart a server, then\nwait for it. \
        Nobody waits that long, `but for` root.\n\n```\nit has to have it\n```\n";
    counter.count(&mut prose, "page.md", page);
    // `Nobody` counts as a turn and as an opening.
    assert_eq!((prose.sentences, prose.hits()), (4, 5));
    assert!(prose.rate() > 100.0);
    let worst = prose.worst(1);
    assert_eq!(worst, "3  bad.rs: What has gone is told of.\n");
}
