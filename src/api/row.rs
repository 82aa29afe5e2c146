//! Rows of the tables: an endpoint, a key of its query, a field of its body. Types only.
//!
//! A row says all that a call asks for as if nothing were blocked, in the vocabulary of the command line's
//! catalogue ([`Ask`]), so that a block-list means the same for both.

use super::head::Method;
use crate::demand::{Demand, Object};
use crate::docker::row::Ask;
use serde_json::Value;

/// One endpoint of Docker's API.
#[derive(Debug)]
pub struct Endpoint {
    pub method: Method,
    /// Without the version: `/containers/{container}/start`. `{container}`, `{network}`, `{volume}`, `{exec}` and
    /// `{id}` stand for one segment, `{image}` and `{plugin}` for one or more, as dockerd's `{name:.*}` does.
    pub path: &'static str,
    /// The commands that the call is, in docker's own verbs: a block-list that has any of them blocks it. Empty
    /// for what every client sends before anything else.
    pub is: &'static [&'static str],
    /// Further commands, or groups of such, whose clients send the call on the way: an allow-list that has one
    /// allows it. `*` is every command.
    pub part_of: &'static [&'static str],
    pub query: &'static [Key],
    pub body: Body,
    pub answer: Answer,
    pub effect: Effect,
    /// Credentials for registries go on with it.
    pub credentials: bool,
    /// What the call asks for by itself, beyond its operation and the object that its path names.
    pub asks: &'static [Asks],
}

/// What a call's body is.
#[derive(Clone, Copy, Debug)]
pub enum Body {
    /// None; one that is sent is refused.
    None,
    /// JSON with these fields; read whole, judged, and written anew.
    Json(&'static [Field]),
    /// A tar archive or the like, which is passed on as it comes.
    Stream,
    /// Not understood: the call is refused for what it asks for, and would be passed on without it.
    Unread,
}

/// What an answer is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It ends soon.
    Plain,
    /// It goes on for as long as the client reads: logs, events, progress.
    Stream,
    /// The connection becomes that of a container's streams.
    Hijack,
    /// The connection becomes HTTP/2.
    H2c,
}

/// Whether a call changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It shows something, or waits for it.
    Reads,
    /// It changes something, or hands out what is in a container: each such call has its record.
    Changes,
}

/// What a call asks for by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// As a command whose row has this.
    Like(Ask),
    /// The body describes a container that would be made.
    Makes,
    /// The container that the path names runs afterwards.
    Starts,
    /// With `v=1` the volumes that docker has named for the container go with it.
    RemovesVolumes,
    /// What the body describes gets labels.
    Labels,
    /// The lists of these kinds get longer: of what is made, and of the volumes that a container brings.
    Lengthens(&'static [Object]),
    /// The body has other limits for a container.
    Limits,
    /// Every image that nothing uses is removed where the filters say so.
    PrunesImages,
    /// `name=` of the query is the container's new name.
    Renames,
    /// `fromImage=` and `tag=` name an image that is fetched; `fromSrc=` makes one of a tar archive.
    Fetches,
    /// `repo=` and `tag=` are an image's new name.
    Tags,
    /// Images that only the Dockerfile names.
    BuildsFrom,
}

/// One key of a query.
#[derive(Debug)]
pub struct Key {
    pub name: &'static str,
    pub takes: Takes,
    /// What a value asks for; as the value of an option with this.
    pub asks: Ask,
    /// What it asks for where it is not an option's syntax.
    pub names: Option<Object>,
    /// The record does not show its values.
    pub secret: bool,
}

/// How the value of a query's key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// `1`, `0`, `true`, `false`, `True`, `False`, or nothing.
    Flag,
    /// A whole number, or nothing.
    Number,
    /// Text without control characters.
    Text,
    /// Text, and the key may come more than once.
    Texts,
    /// Text; where the key comes more than once, the first is what the daemon takes, and what alone is passed on.
    First,
    /// JSON: an object of lists or sets of text.
    Filters,
    /// JSON: a list of text.
    List,
    /// JSON: an object of text (or null).
    Map,
    /// JSON that holds no more than numbers, text and lists of objects of these.
    Limits,
    /// Nothing but these values.
    One(&'static [&'static str]),
}

/// One field of a JSON object, by its exact name in Docker's API.
#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    pub shape: Shape,
    pub rule: Rule,
}

/// What a field's value may be; `null` is as good as no field, also where the field is not known.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    Flag,
    /// A whole number of 64 bits with a sign.
    Number,
    Text,
    /// A list of text.
    Texts,
    /// Text, or a list of text.
    Words,
    /// A list of numbers.
    Numbers,
    /// An object of text.
    Map,
    /// An object of empty objects.
    Set,
    /// An object of these fields.
    Object(&'static [Field]),
    /// A list of such objects.
    Objects(&'static [Field]),
    /// An object of such objects, by names of the request's choosing; one may be null.
    Named(&'static [Field]),
    /// An object of lists of such objects.
    NamedLists(&'static [Field]),
    /// A list of lists of text.
    TextLists,
}

/// What a field's value asks for, unless it is zero: null, false, 0, or empty.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// Nothing.
    Free,
    /// As an option with this and the value; a map as `key=value`.
    Like(Ask),
    /// A setting that reaches beyond the container, with the reason.
    Beyond(&'static str),
    /// As [`Rule::Beyond`], and also where it is empty: anything but null takes the default away.
    BeyondAtAll(&'static str),
    /// The fields of the object in it are judged by themselves.
    Inner,
    /// Nothing, and it does not go on: the daemon would take it before what is judged.
    LeftOut,
    /// As this says of the value and its place.
    Judged(fn(&Value, &str) -> Vec<Demand>),
}

const fn endpoint(method: Method, path: &'static str, effect: Effect) -> Endpoint {
    Endpoint {
        method,
        path,
        is: &[],
        part_of: &[],
        query: &[],
        body: Body::None,
        answer: Answer::Plain,
        effect,
        credentials: false,
        asks: &[],
    }
}

/// A call that shows something.
pub const fn get(path: &'static str) -> Endpoint {
    endpoint(Method::Get, path, Effect::Reads)
}

/// A call that shows something by its head alone.
pub const fn head(path: &'static str) -> Endpoint {
    endpoint(Method::Head, path, Effect::Reads)
}

/// A call that does something.
pub const fn post(path: &'static str) -> Endpoint {
    endpoint(Method::Post, path, Effect::Changes)
}

/// A call that puts something in its place.
pub const fn put(path: &'static str) -> Endpoint {
    endpoint(Method::Put, path, Effect::Changes)
}

/// A call that removes something.
pub const fn delete(path: &'static str) -> Endpoint {
    endpoint(Method::Delete, path, Effect::Changes)
}

impl Endpoint {
    pub const fn is(mut self, is: &'static [&'static str]) -> Self {
        self.is = is;
        self
    }

    pub const fn part_of(mut self, part_of: &'static [&'static str]) -> Self {
        self.part_of = part_of;
        self
    }

    pub const fn query(mut self, query: &'static [Key]) -> Self {
        self.query = query;
        self
    }

    pub const fn json(mut self, fields: &'static [Field]) -> Self {
        self.body = Body::Json(fields);
        self
    }

    pub const fn takes_stream(mut self) -> Self {
        self.body = Body::Stream;
        self
    }

    pub const fn unread(mut self) -> Self {
        self.body = Body::Unread;
        self
    }

    pub const fn answers(mut self, answer: Answer) -> Self {
        self.answer = answer;
        self
    }

    pub const fn asks(mut self, asks: &'static [Asks]) -> Self {
        self.asks = asks;
        self
    }

    pub const fn credentials(mut self) -> Self {
        self.credentials = true;
        self
    }

    /// Nothing is changed, whatever the method says.
    pub const fn reads(mut self) -> Self {
        self.effect = Effect::Reads;
        self
    }

    /// It hands out what is in a container, or acts on it, whatever the method says.
    pub const fn changes(mut self) -> Self {
        self.effect = Effect::Changes;
        self
    }
}

const fn key(name: &'static str, takes: Takes) -> Key {
    Key { name, takes, asks: Ask::Nothing, names: None, secret: false }
}

pub const fn flag(name: &'static str) -> Key {
    key(name, Takes::Flag)
}

pub const fn number(name: &'static str) -> Key {
    key(name, Takes::Number)
}

pub const fn text(name: &'static str) -> Key {
    key(name, Takes::Text)
}

pub const fn first(name: &'static str) -> Key {
    key(name, Takes::First)
}

pub const fn texts(name: &'static str) -> Key {
    key(name, Takes::Texts)
}

pub const fn filters() -> Key {
    key("filters", Takes::Filters)
}

pub const fn list(name: &'static str) -> Key {
    key(name, Takes::List)
}

pub const fn map(name: &'static str) -> Key {
    key(name, Takes::Map)
}

pub const fn limits(name: &'static str) -> Key {
    key(name, Takes::Limits)
}

pub const fn one(name: &'static str, values: &'static [&'static str]) -> Key {
    key(name, Takes::One(values))
}

impl Key {
    pub const fn asks(mut self, asks: Ask) -> Self {
        self.asks = asks;
        self
    }

    /// Each value is the name of such an object.
    pub const fn names(mut self, object: Object) -> Self {
        self.names = Some(object);
        self
    }

    pub const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }
}

/// A field whose value asks for nothing.
pub const fn free(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, rule: Rule::Free }
}

/// A field whose value is judged as an option's.
pub const fn like(name: &'static str, shape: Shape, ask: Ask) -> Field {
    Field { name, shape, rule: Rule::Like(ask) }
}

/// A field that may only be zero, with the reason.
pub const fn beyond(name: &'static str, shape: Shape, why: &'static str) -> Field {
    Field { name, shape, rule: Rule::Beyond(why) }
}

/// A field that holds an object of further fields.
pub const fn inner(name: &'static str, fields: &'static [Field]) -> Field {
    Field { name, shape: Shape::Object(fields), rule: Rule::Inner }
}

/// A field with a rule of its own.
pub const fn judged(name: &'static str, shape: Shape, judge: fn(&Value, &str) -> Vec<Demand>) -> Field {
    Field { name, shape, rule: Rule::Judged(judge) }
}
