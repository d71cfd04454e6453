//! A reader for the parts of TOML that nextest's settings have: tables, texts, numbers, and lists. A crate
//! that reads all of TOML would add five crates to each build for the sake of one warning.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

pub(super) type Table = BTreeMap<String, Value>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    /// A number, a boolean, or a date, as it is written.
    Word(String),
    List(Vec<Value>),
    Table(Table),
}

impl Value {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn table(&self) -> Option<&Table> {
        match self {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }
}

/// Reads a file. `None` if this reader does not understand it.
pub(super) fn read(text: &str) -> Option<Table> {
    let mut reader = Reader(text.chars().peekable());
    let mut root = Table::new();
    let mut path = Vec::new();
    loop {
        reader.skip(" \t\r\n");
        match reader.0.peek() {
            None => return Some(root),
            Some('[') => {
                reader.0.next();
                let is_list = reader.take('[').is_some();
                path = reader.key()?;
                reader.take(']')?;
                if is_list {
                    reader.take(']')?;
                    let (last, parents) = path.split_last()?;
                    let list = table_at(&mut root, parents)?.entry(last.clone());
                    match list.or_insert_with(|| Value::List(Vec::new())) {
                        Value::List(list) => list.push(Value::Table(Table::new())),
                        _ => return None,
                    }
                } else {
                    table_at(&mut root, &path)?;
                }
            }
            Some(_) => {
                let table = table_at(&mut root, &path)?;
                reader.pair(table)?;
            }
        }
    }
}

/// Returns the table with this path. A list on the way stands for its last table.
fn table_at<'a>(table: &'a mut Table, path: &[String]) -> Option<&'a mut Table> {
    let Some((first, rest)) = path.split_first() else {
        return Some(table);
    };
    let inner = table.entry(first.clone());
    let mut inner = inner.or_insert_with(|| Value::Table(Table::new()));
    if let Value::List(list) = inner {
        inner = list.last_mut()?;
    }
    match inner {
        Value::Table(inner) => table_at(inner, rest),
        _ => None,
    }
}

struct Reader<'a>(Peekable<Chars<'a>>);

impl Reader<'_> {
    /// Skips these characters, and comments.
    fn skip(&mut self, blank: &str) {
        while let Some(next) = self.0.peek() {
            match next {
                '#' => while self.0.next_if(|it| *it != '\n').is_some() {},
                next if blank.contains(*next) => drop(self.0.next()),
                _ => return,
            }
        }
    }

    fn take(&mut self, wanted: char) -> Option<char> {
        self.skip(" \t");
        self.0.next_if_eq(&wanted)
    }

    /// Reads `key = value` into a table.
    fn pair(&mut self, table: &mut Table) -> Option<()> {
        let key = self.key()?;
        self.take('=')?;
        let value = self.value()?;
        let (last, parents) = key.split_last()?;
        table_at(table, parents)?.insert(last.clone(), value);
        Some(())
    }

    /// Reads a key with dots.
    fn key(&mut self) -> Option<Vec<String>> {
        let mut parts = Vec::new();
        loop {
            self.skip(" \t");
            parts.push(match self.0.peek()? {
                '"' | '\'' => self.text()?,
                _ => self.word(|it| it.is_alphanumeric() || "-_".contains(it))?,
            });
            if self.take('.').is_none() {
                return Some(parts);
            }
        }
    }

    fn word(&mut self, is_part: impl Fn(char) -> bool) -> Option<String> {
        let mut word = String::new();
        while let Some(next) = self.0.next_if(|it| is_part(*it)) {
            word.push(next);
        }
        (!word.is_empty()).then_some(word)
    }

    fn value(&mut self) -> Option<Value> {
        self.skip(" \t\r\n");
        match self.0.peek()? {
            '"' | '\'' => self.text().map(Value::Text),
            '[' => self
                .items(']', |reader, list: &mut Vec<Value>| {
                    list.push(reader.value()?);
                    Some(())
                })
                .map(Value::List),
            '{' => self.items('}', Reader::pair).map(Value::Table),
            _ => self.word(|it| !" \t\r\n,]}#".contains(it)).map(Value::Word),
        }
    }

    /// Reads items with commas, up to `end`.
    fn items<T: Default>(
        &mut self,
        end: char,
        item: impl Fn(&mut Self, &mut T) -> Option<()>,
    ) -> Option<T> {
        self.0.next();
        let mut items = T::default();
        loop {
            self.skip(" \t\r\n");
            if self.0.next_if_eq(&end).is_some() {
                return Some(items);
            }
            item(self, &mut items)?;
            self.skip(" \t\r\n");
            if self.0.next_if_eq(&',').is_none() {
                return self.0.next_if_eq(&end).map(|_| items);
            }
        }
    }

    /// Reads a text in quotation marks of either kind, in one line or several.
    fn text(&mut self) -> Option<String> {
        let quote = self.0.next()?;
        let mut text = String::new();
        if self.0.next_if_eq(&quote).is_some() {
            if self.0.next_if_eq(&quote).is_none() {
                return Some(text);
            }
            self.0.next_if_eq(&'\n');
            let end = String::from(quote).repeat(3);
            while !text.ends_with(&end) {
                text.push(self.char(quote)?);
            }
            text.truncate(text.len() - end.len());
            return Some(text);
        }
        loop {
            if self.0.next_if_eq(&quote).is_some() {
                return Some(text);
            }
            if self.0.peek() == Some(&'\n') {
                return None;
            }
            text.push(self.char(quote)?);
        }
    }

    /// Reads a character, with escapes between double quotation marks.
    fn char(&mut self, quote: char) -> Option<char> {
        let next = self.0.next()?;
        if next != '\\' || quote == '\'' {
            return Some(next);
        }
        Some(match self.0.next()? {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            it @ ('"' | '\\') => it,
            // A filter needs no other escape.
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_lists_and_texts_are_read() {
        let text = r#"
            nextest-version = "0.9" # comment
            [profile.default]
            slow-timeout = { period = "60s", terminate-after = 2 }
            fail-fast = false
            junit.path = 'a\b'
            [profile."ci".slow-timeout]
            period = "5s"
            [[profile.ci.overrides]]
            filter = """
test(a) # no comment
  + test("b\n")"""
            [[profile.ci.overrides]]
            platform = [
              "x",  # comment
              'y',
            ]
        "#;
        let read = read(text).unwrap();
        let profile = read["profile"].table().unwrap();
        let (default, ci) = (profile["default"].table(), profile["ci"].table());
        let slow = default.unwrap()["slow-timeout"].table().unwrap();
        assert_eq!(slow["period"].text(), Some("60s"));
        assert_eq!(slow["terminate-after"], Value::Word("2".to_owned()));
        assert_eq!(
            default.unwrap()["fail-fast"],
            Value::Word("false".to_owned())
        );
        let junit = default.unwrap()["junit"].table().unwrap();
        assert_eq!(junit["path"].text(), Some(r"a\b"));
        let ci = ci.unwrap();
        assert_eq!(
            ci["slow-timeout"].table().unwrap()["period"].text(),
            Some("5s")
        );
        let Value::List(overrides) = &ci["overrides"] else {
            panic!("{ci:?}")
        };
        let filter = overrides[0].table().unwrap()["filter"].text();
        assert_eq!(filter, Some("test(a) # no comment\n  + test(\"b\n\")"));
        assert_eq!(overrides.len(), 2);
    }

    #[test]
    fn other_text_is_not_understood() {
        for text in [
            "a",
            "a = ",
            "[a",
            "a = \"b",
            "a = [1",
            "a = {b = 1",
            "= 1",
            "[a]\nb = 1\n[[a.b]]",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
