//! Protocol Buffers, as much as BuildKit's messages need: read by a table of fields, and written anew from what
//! was read. Pure.
//!
//! Stricter than a reader has to be: a field that the table does not have, one that comes twice where one is
//! meant, a key that comes twice in a map, or bytes left over are errors. So what is written means to every
//! reader what was judged.

use std::collections::BTreeMap;

/// A message: its name, and its fields in the order of their numbers.
#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    pub fields: &'static [Field],
}

/// A field as its message declares it.
#[derive(Debug)]
pub struct Field {
    pub number: u32,
    pub name: &'static str,
    pub kind: Kind,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A truth value or an integer.
    Number,
    Text,
    Bytes,
    /// `repeated string`.
    Texts,
    /// `map<string, string>`.
    TextMap,
    /// `map<string, bytes>`.
    BytesMap,
    Message(&'static Table),
    /// `repeated` messages.
    Messages(&'static Table),
    /// `map<string, MESSAGE>`.
    MessageMap(&'static Table),
    /// It means nothing to its reader here, and is left out.
    Dropped,
}

/// What a field was found to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Number(u64),
    Text(String),
    Bytes(Vec<u8>),
    Texts(Vec<String>),
    TextMap(BTreeMap<String, String>),
    BytesMap(BTreeMap<String, Vec<u8>>),
    Message(Message),
    Messages(Vec<Message>),
    MessageMap(BTreeMap<String, Message>),
}

/// A message as it was read: its fields by their numbers. What is not there has its zero value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    fields: BTreeMap<u32, Value>,
}

/// How deep messages may lie in one another; no table goes deeper.
const DEPTH: u8 = 8;

impl Message {
    /// Reads a message.
    ///
    /// # Errors
    /// In words, when it is not one of this table, or not written as every writer writes it.
    pub fn read(table: &Table, bytes: &[u8]) -> Result<Self, String> {
        read_message(table, bytes, DEPTH)
    }

    /// The bytes of the message.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (number, value) in &self.fields {
            write_field(&mut bytes, *number, value);
        }
        bytes
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// A truth value or an integer; 0 where it is not given.
    pub fn number(&self, number: u32) -> u64 {
        match self.fields.get(&number) {
            Some(Value::Number(value)) => *value,
            _ => 0,
        }
    }

    /// A text; empty where it is not given.
    pub fn text(&self, number: u32) -> &str {
        match self.fields.get(&number) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    pub fn bytes(&self, number: u32) -> &[u8] {
        match self.fields.get(&number) {
            Some(Value::Bytes(bytes)) => bytes,
            _ => &[],
        }
    }

    pub fn texts(&self, number: u32) -> &[String] {
        match self.fields.get(&number) {
            Some(Value::Texts(texts)) => texts,
            _ => &[],
        }
    }

    pub fn text_map(&self, number: u32) -> impl Iterator<Item = (&str, &str)> {
        let map = match self.fields.get(&number) {
            Some(Value::TextMap(map)) => Some(map),
            _ => None,
        };
        map.into_iter().flatten().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    pub fn message_map(&self, number: u32) -> impl Iterator<Item = (&str, &Message)> {
        let map = match self.fields.get(&number) {
            Some(Value::MessageMap(map)) => Some(map),
            _ => None,
        };
        map.into_iter().flatten().map(|(key, value)| (key.as_str(), value))
    }

    pub fn bytes_map_mut(&mut self, number: u32) -> Option<&mut BTreeMap<String, Vec<u8>>> {
        match self.fields.get_mut(&number) {
            Some(Value::BytesMap(map)) => Some(map),
            _ => None,
        }
    }

    pub fn message(&self, number: u32) -> Option<&Message> {
        match self.fields.get(&number) {
            Some(Value::Message(message)) => Some(message),
            _ => None,
        }
    }

    pub fn message_mut(&mut self, number: u32) -> Option<&mut Message> {
        match self.fields.get_mut(&number) {
            Some(Value::Message(message)) => Some(message),
            _ => None,
        }
    }

    pub fn messages(&self, number: u32) -> &[Message] {
        match self.fields.get(&number) {
            Some(Value::Messages(messages)) => messages,
            _ => &[],
        }
    }

    /// Whether the field is given, be it as its zero value.
    pub fn has(&self, number: u32) -> bool {
        self.fields.contains_key(&number)
    }

    /// Gives a field a value.
    #[must_use]
    pub fn with(mut self, number: u32, value: Value) -> Self {
        self.set(number, value);
        self
    }

    pub fn set(&mut self, number: u32, value: Value) {
        self.fields.insert(number, value);
    }
}

fn read_message(table: &Table, mut bytes: &[u8], depth: u8) -> Result<Message, String> {
    let depth = depth.checked_sub(1).ok_or_else(|| format!("{}: messages lie too deep in one another", table.name))?;
    let mut message = Message::default();
    while !bytes.is_empty() {
        let (number, wire) = read_part(&mut bytes).ok_or_else(|| format!("{} is not whole", table.name))?;
        let Some(field) = table.fields.iter().find(|field| field.number == number) else {
            return Err(format!("field {number} of {} is not one that this gate knows", table.name));
        };
        let of = |why: &str| format!("{} of {} {why}", field.name, table.name);
        take(&mut message, field, wire, depth).map_err(|wrong| match wrong {
            Wrong::Kind => of("is not of the kind that it should be"),
            Wrong::Twice => of("is given twice"),
            Wrong::Text => of("is not UTF-8"),
            Wrong::Inside(why) => why,
        })?;
    }
    Ok(message)
}

/// The fields of a message of which not all are known, as far as it is whole.
pub fn parts(mut bytes: &[u8]) -> impl Iterator<Item = (u32, Part<'_>)> {
    std::iter::from_fn(move || if bytes.is_empty() { None } else { read_part(&mut bytes) })
}

enum Wrong {
    Kind,
    Twice,
    Text,
    Inside(String),
}

/// A value on the wire. Those of fixed width are in none of the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The next field's number and value.
fn read_part<'a>(bytes: &mut &'a [u8]) -> Option<(u32, Part<'a>)> {
    let tag = read_number(bytes)?;
    let number = u32::try_from(tag >> 3).ok()?;
    let wire = match tag & 7 {
        0 => Part::Number(read_number(bytes)?),
        2 => {
            let length = usize::try_from(read_number(bytes)?).ok()?;
            let (value, rest) = bytes.split_at_checked(length)?;
            *bytes = rest;
            Part::Bytes(value)
        }
        _ => return None,
    };
    Some((number, wire))
}

/// A number in groups of seven bits, the lowest first.
fn read_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        // Of the last group one bit is left.
        if shift == 63 && bits > 1 {
            return None;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn take(message: &mut Message, field: &Field, wire: Part, depth: u8) -> Result<(), Wrong> {
    let number = field.number;
    let bytes = match (field.kind, wire) {
        (Kind::Dropped, _) => return Ok(()),
        (Kind::Number, Part::Number(value)) => return put_once(message, number, Value::Number(value)),
        (Kind::Number, Part::Bytes(_)) | (_, Part::Number(_)) => return Err(Wrong::Kind),
        (_, Part::Bytes(bytes)) => bytes,
    };
    let inside = |table| read_message(table, bytes, depth).map_err(Wrong::Inside);
    match field.kind {
        Kind::Number | Kind::Dropped => Err(Wrong::Kind),
        Kind::Text => put_once(message, number, Value::Text(text(bytes)?)),
        Kind::Bytes => put_once(message, number, Value::Bytes(bytes.to_vec())),
        Kind::Message(table) => put_once(message, number, Value::Message(inside(table)?)),
        Kind::Texts => {
            let text = text(bytes)?;
            match message.fields.entry(number).or_insert_with(|| Value::Texts(Vec::new())) {
                Value::Texts(texts) => texts.push(text),
                _ => return Err(Wrong::Kind),
            }
            Ok(())
        }
        Kind::Messages(table) => {
            let inside = inside(table)?;
            match message.fields.entry(number).or_insert_with(|| Value::Messages(Vec::new())) {
                Value::Messages(messages) => messages.push(inside),
                _ => return Err(Wrong::Kind),
            }
            Ok(())
        }
        Kind::TextMap => {
            let (key, value) = entry(bytes)?;
            let value = text(value)?;
            match message.fields.entry(number).or_insert_with(|| Value::TextMap(BTreeMap::new())) {
                Value::TextMap(map) => insert_once(map, key, value),
                _ => Err(Wrong::Kind),
            }
        }
        Kind::BytesMap => {
            let (key, value) = entry(bytes)?;
            match message.fields.entry(number).or_insert_with(|| Value::BytesMap(BTreeMap::new())) {
                Value::BytesMap(map) => insert_once(map, key, value.to_vec()),
                _ => Err(Wrong::Kind),
            }
        }
        Kind::MessageMap(table) => {
            let (key, value) = entry(bytes)?;
            let value = read_message(table, value, depth).map_err(Wrong::Inside)?;
            match message.fields.entry(number).or_insert_with(|| Value::MessageMap(BTreeMap::new())) {
                Value::MessageMap(map) => insert_once(map, key, value),
                _ => Err(Wrong::Kind),
            }
        }
    }
}

fn put_once(message: &mut Message, number: u32, value: Value) -> Result<(), Wrong> {
    match message.fields.insert(number, value) {
        None => Ok(()),
        Some(_) => Err(Wrong::Twice),
    }
}

fn insert_once<T>(map: &mut BTreeMap<String, T>, key: String, value: T) -> Result<(), Wrong> {
    match map.insert(key, value) {
        None => Ok(()),
        Some(_) => Err(Wrong::Twice),
    }
}

fn text(bytes: &[u8]) -> Result<String, Wrong> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Wrong::Text)
}

/// An entry of a map: a message of key (1) and value (2), either of which may be left out for an empty one.
fn entry(mut bytes: &[u8]) -> Result<(String, &[u8]), Wrong> {
    let (mut key, mut value) = (None, None);
    while !bytes.is_empty() {
        let place = match read_part(&mut bytes) {
            Some((1, Part::Bytes(part))) => (&mut key, part),
            Some((2, Part::Bytes(part))) => (&mut value, part),
            _ => return Err(Wrong::Kind),
        };
        if place.0.replace(place.1).is_some() {
            return Err(Wrong::Twice);
        }
    }
    Ok((text(key.unwrap_or_default())?, value.unwrap_or_default()))
}

fn write_field(bytes: &mut Vec<u8>, number: u32, value: &Value) {
    match value {
        Value::Number(value) => {
            write_number(bytes, u64::from(number) << 3);
            write_number(bytes, *value);
        }
        Value::Text(text) => write_part(bytes, number, text.as_bytes()),
        Value::Bytes(value) => write_part(bytes, number, value),
        Value::Message(message) => write_part(bytes, number, &message.to_bytes()),
        Value::Texts(texts) => texts.iter().for_each(|text| write_part(bytes, number, text.as_bytes())),
        Value::Messages(messages) => {
            messages.iter().for_each(|message| write_part(bytes, number, &message.to_bytes()));
        }
        Value::TextMap(map) => {
            map.iter().for_each(|(key, value)| write_entry(bytes, number, key, value.as_bytes()));
        }
        Value::BytesMap(map) => map.iter().for_each(|(key, value)| write_entry(bytes, number, key, value)),
        Value::MessageMap(map) => {
            map.iter().for_each(|(key, value)| write_entry(bytes, number, key, &value.to_bytes()));
        }
    }
}

fn write_entry(bytes: &mut Vec<u8>, number: u32, key: &str, value: &[u8]) {
    let mut entry = Vec::with_capacity(key.len() + value.len() + 8);
    write_part(&mut entry, 1, key.as_bytes());
    write_part(&mut entry, 2, value);
    write_part(bytes, number, &entry);
}

fn write_part(bytes: &mut Vec<u8>, number: u32, value: &[u8]) {
    write_number(bytes, u64::from(number) << 3 | 2);
    write_number(bytes, value.len() as u64);
    bytes.extend_from_slice(value);
}

fn write_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn field(number: u32, name: &'static str, kind: Kind) -> Field {
        Field { number, name, kind }
    }

    static INNER: Table =
        Table { name: "Inner", fields: &[field(1, "text", Kind::Text), field(2, "number", Kind::Number)] };
    static OUTER: Table = Table {
        name: "Outer",
        fields: &[
            field(1, "number", Kind::Number),
            field(2, "texts", Kind::Texts),
            field(3, "map", Kind::TextMap),
            field(4, "inner", Kind::Message(&INNER)),
            field(5, "list", Kind::Messages(&INNER)),
            field(6, "named", Kind::MessageMap(&INNER)),
            field(7, "bytes", Kind::BytesMap),
            field(200, "gone", Kind::Dropped),
        ],
    };

    #[test]
    fn what_is_not_written_as_every_writer_does_is_refused() {
        let cases: &[(&[u8], &str)] = &[
            (&[0x98, 0x01, 0x01], "field 19 of Outer is not one"),
            (&[0x08, 0x01, 0x08, 0x02], "number of Outer is given twice"),
            (&[0x22, 0x00, 0x22, 0x00], "inner of Outer is given twice"),
            (&[0x0a, 0x01, 0x61], "number of Outer is not of the kind"),
            (&[0x10, 0x01], "texts of Outer is not of the kind"),
            (&[0x12, 0x01, 0xff], "texts of Outer is not UTF-8"),
            (&[0x12, 0x02, 0x61], "Outer is not whole"),
            (&[0x08], "Outer is not whole"),
            // Fixed widths, groups, numbers of more than 64 bits.
            (&[0x0d, 0, 0, 0, 0], "Outer is not whole"),
            (&[0x0b], "Outer is not whole"),
            (&[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], "Outer is not whole"),
            // A key twice in a map, a key twice in an entry, something else in an entry.
            (&[0x1a, 0x03, 0x0a, 0x01, 0x61, 0x1a, 0x03, 0x0a, 0x01, 0x61], "map of Outer is given twice"),
            (&[0x1a, 0x06, 0x0a, 0x01, 0x61, 0x0a, 0x01, 0x62], "map of Outer is given twice"),
            (&[0x1a, 0x02, 0x18, 0x01], "map of Outer is not of the kind"),
            (&[0x22, 0x02, 0x18, 0x01], "field 3 of Inner is not one"),
        ];
        for (bytes, why) in cases {
            let read = Message::read(&OUTER, bytes);
            assert!(read.as_ref().is_err_and(|error| error.contains(why)), "{bytes:x?}: {read:?}");
        }
    }

    #[test]
    fn what_is_dropped_is_not_written() {
        let message = Message::read(&OUTER, &[0xc2, 0x0c, 0x01, 0x61, 0x08, 0x05]).unwrap();
        assert_eq!(message.to_bytes(), [0x08, 0x05]);
    }

    fn inner() -> impl Strategy<Value = Message> {
        (any::<String>(), any::<u64>())
            .prop_map(|(text, number)| Message::default().with(1, Value::Text(text)).with(2, Value::Number(number)))
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            number in any::<u64>(),
            texts in prop::collection::vec(any::<String>(), 1..4),
            map in prop::collection::btree_map(any::<String>(), any::<String>(), 1..4),
            list in prop::collection::vec(inner(), 1..3),
            named in prop::collection::btree_map(any::<String>(), inner(), 1..3),
            bytes in prop::collection::btree_map(any::<String>(), any::<Vec<u8>>(), 1..3),
        ) {
            let message = Message::default()
                .with(1, Value::Number(number))
                .with(2, Value::Texts(texts))
                .with(3, Value::TextMap(map))
                .with(4, Value::Message(list[0].clone()))
                .with(5, Value::Messages(list))
                .with(6, Value::MessageMap(named))
                .with(7, Value::BytesMap(bytes));
            prop_assert_eq!(Message::read(&OUTER, &message.to_bytes()), Ok(message));
        }

        #[test]
        fn whatever_is_read_is_written_as_it_means(bytes in any::<Vec<u8>>()) {
            if let Ok(message) = Message::read(&OUTER, &bytes) {
                prop_assert_eq!(Message::read(&OUTER, &message.to_bytes()), Ok(message));
            }
        }
    }
}
