//! Chance, the same in every run, and JSON and targets as no client would spell them.
use serde_json::{Map, Value, json};

/// The same numbers in every run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }

    pub(crate) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub(crate) fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// An object with up to so many of these fields, each written as `"Name": value`.
    pub(crate) fn fields(&mut self, of: &[&str], most: usize) -> Map<String, Value> {
        let mut map = Map::new();
        for _ in 0..self.below(most + 1) {
            let text = format!("{{{}}}", self.of(of));
            let field: Map<String, Value> = serde_json::from_str(&text).unwrap_or_else(|why| panic!("{text}: {why}"));
            map.extend(field);
        }
        map
    }

    /// The query of a target: up to so many of these, keys and values as they are.
    pub(crate) fn query(&mut self, of: &[(&str, &str)], most: usize) -> Vec<(String, String)> {
        let mut query: Vec<(String, String)> = Vec::new();
        for _ in 0..self.below(most + 1).min(of.len()) {
            let (key, value) = self.of(of);
            // Twice only where it is spelled oddly.
            if !query.iter().any(|(known, _)| known == key) {
                query.push(((*key).to_owned(), (*value).to_owned()));
            }
        }
        query
    }
}

/// How odd a spelling is: nothing, or what happens at so many places.
const ODD: &[usize] = &[0, 0, 0, 1, 1, 2];

/// The text of a value, spelled oddly at a few places.
pub(crate) fn json(dice: &mut Dice, value: &Value) -> Vec<u8> {
    let count = nodes(value);
    let places = *dice.of(ODD);
    let odd = (0..places).map(|_| dice.below(count)).collect();
    let mut writer = Writer { dice, odd, at: 0, text: Vec::new() };
    writer.value(value);
    let mut text = writer.text;
    if dice.one_in(16) {
        text.extend(*dice.of(&[&b"}"[..], b"]", b" {}", b"\n", b"x", b"\0", b"\x0c", b"\xef\xbb\xbf", b"null"]));
    }
    if dice.one_in(40) {
        let before = *dice.of(&[&b"\xef\xbb\xbf"[..], b"\x0b", b" \t\r\n", b"{}", b"[", b"//\n"]);
        text.splice(0..0, before.iter().copied());
    }
    text
}

fn nodes(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(nodes).sum(),
        Value::Object(map) => map.values().map(|value| 1 + nodes(value)).sum(),
        _ => 0,
    }
}

struct Writer<'a> {
    dice: &'a mut Dice,
    odd: Vec<usize>,
    at: usize,
    text: Vec<u8>,
}

impl Writer<'_> {
    fn is_odd(&mut self) -> bool {
        self.at += 1;
        self.odd.contains(&(self.at - 1))
    }

    fn put(&mut self, text: impl AsRef<[u8]>) {
        self.text.extend(text.as_ref());
    }

    fn value(&mut self, value: &Value) {
        if self.is_odd() {
            return self.oddly(value);
        }
        self.plainly(value);
    }

    fn plainly(&mut self, value: &Value) {
        match value {
            Value::Object(map) => {
                self.put("{");
                for (index, (key, value)) in map.iter().enumerate() {
                    self.put(if index == 0 { "" } else { ", " });
                    self.entry(key, value);
                }
                self.put("}");
            }
            Value::Array(items) => {
                self.put("[");
                for (index, item) in items.iter().enumerate() {
                    self.put(if index == 0 { "" } else { ", " });
                    self.value(item);
                }
                self.put("]");
            }
            other => self.put(other.to_string()),
        }
    }

    fn entry(&mut self, key: &str, value: &Value) {
        if !self.is_odd() {
            self.put(format!("{}: ", json!(key)));
            return self.value(value);
        }
        match self.dice.below(9) {
            0..=3 => {
                let key = self.key(key);
                self.put(format!("{key}: "));
                self.value(value);
            }
            // Twice, in one spelling or in two, the other one before it or behind it.
            4..=6 => {
                let other = self.other(value);
                let again = if self.dice.one_in(2) { json!(key).to_string() } else { self.key(key) };
                let first = self.dice.one_in(2);
                for own in [first, !first] {
                    if own {
                        self.put(format!("{}: ", json!(key)));
                        self.plainly(value);
                    } else {
                        self.put(format!("{again}: {other}"));
                    }
                    self.put(if own == first { ", " } else { "" });
                }
            }
            // Something else beside it.
            7 => {
                let more = *self.dice.of(&[
                    r#""Odd": null"#,
                    r#""Odd": {"Privileged": true}"#,
                    r#""": 1"#,
                    r#""Binds": ["/:/h"]"#,
                    r#""HostConfig": {"Privileged": true}"#,
                    r#""Privileged": true"#,
                    r#""\u0000": 1"#,
                    r#""-": 1"#,
                ]);
                self.put(format!("{more}, {}: ", json!(key)));
                self.plainly(value);
            }
            _ => {
                self.put(format!("{} \t\r\n:\n", json!(key)));
                self.plainly(value);
            }
        }
    }

    /// A key in another spelling, in quotes.
    fn key(&mut self, key: &str) -> String {
        let letters: Vec<char> = key.chars().collect();
        let at = self.dice.below(letters.len().max(1));
        let mut text = String::from("\"");
        let all = self.dice.one_in(4);
        for (index, letter) in letters.iter().enumerate() {
            let folds = match letter.to_ascii_lowercase() {
                's' => Some('\u{17f}'),
                'k' => Some('\u{212a}'),
                _ => None,
            };
            match self.dice.below(4) {
                _ if index != at && !all => text.push(*letter),
                0 => text.extend(letter.to_uppercase()),
                1 => text.extend(letter.to_lowercase()),
                2 => text.push_str(&format!("\\u{:04X}", u32::from(*letter))),
                _ => text.push(folds.unwrap_or(*letter)),
            }
        }
        match self.dice.below(8) {
            0 => text.push(' '),
            1 => text.push_str("\\u0000"),
            2 => text.push(','),
            _ => {}
        }
        text.push('"');
        text
    }

    /// Another value of the kind, or of none.
    fn other(&mut self, value: &Value) -> Value {
        match (value, self.dice.below(4)) {
            (_, 0) => Value::Null,
            (Value::Object(map), 1) => Value::Object(map.iter().take(1).map(|(k, v)| (k.clone(), v.clone())).collect()),
            (Value::Object(_), _) => json!({"Privileged": true, "a": "z"}),
            (Value::Array(items), 1) => json!(items.iter().take(1).collect::<Vec<_>>()),
            (Value::Array(_), _) => json!([]),
            (Value::Bool(set), _) => json!(!set),
            (Value::Number(_), _) => json!(self.dice.below(3)),
            (Value::String(_), _) => json!(self.dice.of(&["", "other", "host"])),
            (Value::Null, _) => json!({}),
        }
    }

    /// A value as something that is nearly it.
    fn oddly(&mut self, value: &Value) {
        let text = value.to_string();
        let choice = self.dice.below(8);
        match value {
            _ if choice == 0 => self.put("null"),
            _ if choice == 1 => self.put(format!("[{text}]")),
            Value::Number(number) => {
                let odd = match choice {
                    2 => format!("{number}.0"),
                    3 => format!("{number}e0"),
                    4 => format!("\"{number}\""),
                    5 => format!("0{number}"),
                    6 => (*self.dice.of(&[
                        "9223372036854775807",
                        "9223372036854775808",
                        "-9223372036854775809",
                        "1e400",
                    ]))
                    .to_owned(),
                    _ => (*self.dice.of(&["-0", "-1", "true", "1E2", "0x10", "18446744073709551617", "{}"])).to_owned(),
                };
                self.put(odd);
            }
            Value::Bool(_) | Value::Null => {
                let odd = *self.dice.of(&["1", "0", "\"true\"", "True", "true", "false", "[]", "{}", "\"\""]);
                self.put(odd);
            }
            Value::String(text) => self.string(text, choice),
            Value::Array(items) => match choice {
                2 => self.put("{}"),
                3 => self.put(items.first().map_or_else(|| "\"\"".to_owned(), Value::to_string)),
                4 => self.put(format!(
                    "{}null]",
                    if items.is_empty() { "[".to_owned() } else { text.replacen(']', ",", 1) }
                )),
                5 => self.put("[".repeat(40) + &"]".repeat(40)),
                6 => self.put("[null]"),
                _ => self.put("[]"),
            },
            Value::Object(_) => match choice {
                2 => self.put("[]"),
                3 => self.put("{\"a\":".repeat(30) + "1" + &"}".repeat(30)),
                4 => self.put("\"{}\""),
                5 => self.put(text.replacen('{', "{\"\": null, ", 1).replace(", }", "}")),
                _ => self.put("{}"),
            },
        }
    }

    fn string(&mut self, text: &str, choice: usize) {
        let quoted = json!(text).to_string();
        let inner = &quoted[1..quoted.len() - 1];
        match choice {
            2 => {
                let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
                self.put(format!("\"{escaped}\""));
            }
            3 => self.put(format!("\"{inner}\\ud800\"")),
            4 => self.put(format!("\"{inner}\\u0000\"")),
            5 => {
                self.put(format!("\"{inner}"));
                self.put(b"\xff\"");
            }
            6 => {
                let odd = *self.dice.of(&["1", "true", "{}", "\"\\u00e4\\ud83d\\ude00\"", "\"\\/\"", "\"\""]);
                self.put(odd);
            }
            _ => self.put(format!("\"{}\"", inner.replace('/', "\\/").to_uppercase())),
        }
    }
}

/// A target with its query, spelled oddly now and then.
pub(crate) fn target(dice: &mut Dice, path: &str, query: &[(String, String)]) -> String {
    let version = *dice.of(&["/v1.51", "/v1.51", "/v1.51", "", "/v1.47", "/v1.44", "/v1.43", "/v1.41"]);
    let mut pairs: Vec<String> =
        query.iter().map(|(key, value)| format!("{}={}", encoded(key), encoded(value))).collect();
    let odd = !pairs.is_empty() && dice.one_in(5);
    if odd {
        let at = dice.below(pairs.len());
        let pair = pairs[at].clone();
        let (key, value) = pair.split_once('=').unwrap();
        match dice.below(11) {
            0 => pairs.insert(at, format!("{key}=")),
            1 => pairs.push(format!("{key}=other")),
            2 => pairs.push(pair.clone()),
            3 => pairs[at] = format!("{}={value}", key.to_uppercase()),
            4 => pairs[at] = format!("%{:02x}{}={value}", key.as_bytes()[0], &key[1..]),
            5 => pairs[at] = format!("{key}={value};a=b"),
            6 => pairs[at] = format!("{key}=+{value}"),
            7 => pairs[at] = format!("{key}={value}%00"),
            8 => pairs[at] = key.to_owned(),
            9 => pairs[at] = format!("{key}={}", value.to_lowercase()),
            _ => pairs.insert(0, "odd=1".to_owned()),
        }
    }
    let path = if dice.one_in(30) { path.replacen('/', "//", 1) } else { path.to_owned() };
    if pairs.is_empty() { format!("{version}{path}") } else { format!("{version}{path}?{}", pairs.join("&")) }
}

fn encoded(text: &str) -> String {
    let keeps = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    text.bytes().map(|byte| if keeps(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
