//! Options as Go's pflag reads them (spf13/pflag `FlagSet.parseArgs`, as in docker 20.10 to 29). Pure.

use super::row::{Opt, Takes};
use crate::denial::{Denial, Reason};

/// An option as given, with what it was set to.
#[derive(Clone, Debug)]
pub struct Given {
    pub option: &'static Opt,
    /// Given by its letter. Docker's versions differ in the long name behind one letter (`stop -t` is
    /// `--time` in 20.10 and `--timeout` in 28), so it is passed on as it was given.
    pub short: bool,
    pub setting: Setting,
}

/// An option's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    Switch(bool),
    Value(String),
}

impl PartialEq for Given {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.option, other.option) && self.setting == other.setting
    }
}

impl Eq for Given {}

impl Given {
    /// The option in one word, its value behind `=`, so that no parser can take the value for anything else.
    pub fn word(&self) -> String {
        let name = self.name();
        match &self.setting {
            Setting::Switch(true) => name,
            Setting::Switch(false) => format!("{name}=false"),
            // `-x=` would be the value `=`.
            Setting::Value(value) if value.is_empty() => self.long_word(),
            Setting::Value(value) => format!("{name}={value}"),
        }
    }

    /// The same by its long name and with `=` in any case, as cobra's scan for sub-commands needs it at the
    /// level of a group: there a word without `=` can swallow the next one.
    pub fn long_word(&self) -> String {
        let long = self.option.long;
        match &self.setting {
            Setting::Switch(on) => format!("--{long}={on}"),
            Setting::Value(value) => format!("--{long}={value}"),
        }
    }

    /// The option as people write it, for messages.
    pub fn shown(&self) -> String {
        match &self.setting {
            Setting::Switch(_) => self.word(),
            Setting::Value(value) => format!("{} {value}", self.name()),
        }
    }

    /// The option's name as given: `-v` or `--volume`.
    pub fn name(&self) -> String {
        match self.option.short {
            Some(letter) if self.short => format!("-{letter}"),
            _ => format!("--{}", self.option.long),
        }
    }

    /// The value, or `None` for a switch.
    pub fn value(&self) -> Option<&str> {
        match &self.setting {
            Setting::Switch(_) => None,
            Setting::Value(value) => Some(value),
        }
    }

    /// Whether the option is in force: a switch that is on, or any value.
    pub fn is_set(&self) -> bool {
        self.setting != Setting::Switch(false)
    }
}

/// What was found before the operands.
#[derive(Debug, Default)]
pub struct Parsed {
    pub given: Vec<Given>,
    pub operands: Vec<String>,
    pub help: bool,
    /// Every value of an option, also of those that a later one replaces.
    pub read: Vec<Read>,
    /// The word of each operand, counted from the end: 1 is the last.
    pub places: Vec<usize>,
}

/// An option's value, and where it stands.
#[derive(Debug)]
pub struct Read {
    pub option: &'static Opt,
    pub text: String,
    /// Its word, counted from the end: 1 is the last.
    pub word: usize,
    /// Where in the word it begins, in bytes.
    pub offset: usize,
}

/// The words that are left.
struct Words<'w>(&'w [String]);

impl<'w> Words<'w> {
    fn next(&mut self) -> Option<&'w String> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// The word that [`Words::next`] gave, counted from the end.
    fn place(&self) -> usize {
        self.0.len() + 1
    }

    /// An operand, or all that is left.
    fn operands(&self, words: &[String], parsed: &mut Parsed) {
        let places = (0..words.len()).map(|index| self.place() - 1 + words.len() - index);
        parsed.places.extend(places);
        parsed.operands.extend(words.iter().cloned());
    }
}

/// Parses the words of one command level.
///
/// `about` names the command in refusals. With `anywhere`, options may follow operands; without, parsing
/// stops at the first operand, as pflag's `SetInterspersed(false)` does.
///
/// # Errors
/// A [`Denial`] for an option that is not in `options`, a missing value, or a boolean that Go's
/// `strconv.ParseBool` would not take.
pub fn parse(
    about: &str,
    options: impl Iterator<Item = &'static Opt> + Clone,
    anywhere: bool,
    words: &[String],
) -> Result<Parsed, Denial> {
    let scan = Scan { about, find: options };
    let mut parsed = Parsed::default();
    let mut words = Words(words);
    while let Some(word) = words.next() {
        if word == "--" {
            let left = std::mem::take(&mut words.0);
            words.operands(left, &mut parsed);
            break;
        }
        if let Some(long) = word.strip_prefix("--") {
            scan.long(long, &mut words, &mut parsed)?;
        } else if word.len() > 1 && word.starts_with('-') {
            scan.cluster(word, &mut words, &mut parsed)?;
        } else {
            words.operands(std::slice::from_ref(word), &mut parsed);
            if !anywhere {
                let left = std::mem::take(&mut words.0);
                words.operands(left, &mut parsed);
                break;
            }
        }
    }
    keep_last(&mut parsed.given);
    Ok(parsed)
}

/// For options that hold one value the last one counts, so only that one is judged and passed on.
fn keep_last(given: &mut Vec<Given>) {
    let mut index = 0;
    while let Some(present) = given.get(index) {
        let option = present.option;
        let again = given.iter().skip(index + 1).any(|later| std::ptr::eq(later.option, option));
        if again && option.takes != Takes::List {
            given.remove(index);
        } else {
            index += 1;
        }
    }
}

impl Parsed {
    fn push(&mut self, given: Given, word: usize, offset: usize) {
        if let Some(text) = given.value() {
            self.read.push(Read { option: given.option, text: text.to_owned(), word, offset });
        }
        self.given.push(given);
    }
}

struct Scan<'a, I> {
    about: &'a str,
    find: I,
}

impl<I: Iterator<Item = &'static Opt> + Clone> Scan<'_, I> {
    fn long(&self, text: &str, words: &mut Words, parsed: &mut Parsed) -> Result<(), Denial> {
        let (name, attached) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let found = self.find.clone().find(|option| option.long == name || option.also.contains(&name));
        let Some(option) = found else {
            if name == "help" {
                parsed.help = attached.map_or(Ok(true), |value| self.boolean("--help", value))?;
                return Ok(());
            }
            return Err(self.unknown(&format!("--{name}")));
        };
        let setting = match (option.takes, attached) {
            (Takes::Switch, None) => Setting::Switch(true),
            (Takes::Switch, Some(value)) => Setting::Switch(self.boolean(&format!("--{name}"), value)?),
            (Takes::Value | Takes::List, Some(value)) => Setting::Value(value.to_owned()),
            (Takes::Value | Takes::List, None) => Setting::Value(self.next(&format!("--{name}"), words)?),
        };
        // Behind `=` in its own word, or the whole of the next.
        let offset = attached.map_or(0, |value| "--".len() + text.len() - value.len());
        parsed.push(Given { option, short: false, setting }, words.place(), offset);
        Ok(())
    }

    /// `-abc`: switches, until one that takes a value, which is the rest of the word or the next word.
    fn cluster(&self, word: &str, words: &mut Words, parsed: &mut Parsed) -> Result<(), Denial> {
        let mut letters = word.trim_start_matches('-');
        let place = words.place();
        while let Some(letter) = letters.chars().next() {
            let rest = letters.get(letter.len_utf8()..).unwrap_or_default();
            let spelled = format!("-{letter}");
            let found = self.find.clone().find(|option| option.short == Some(letter));
            // `-a=v` only with something behind the `=`; `-H=` is the value `=`.
            let attached = rest.strip_prefix('=').filter(|value| !value.is_empty());
            let Some(option) = found else {
                if letter != 'h' {
                    return Err(self.unknown(&spelled));
                }
                parsed.help = attached.map_or(Ok(true), |value| self.boolean(&spelled, value))?;
                letters = if attached.is_some() { "" } else { rest };
                continue;
            };
            let (setting, next) = match (option.takes, attached) {
                (Takes::Switch, Some(value)) => (Setting::Switch(self.boolean(&spelled, value)?), ""),
                (Takes::Switch, None) => (Setting::Switch(true), rest),
                (_, Some(value)) => (Setting::Value(value.to_owned()), ""),
                (_, None) if rest.is_empty() => (Setting::Value(self.next(&spelled, words)?), ""),
                (_, None) => (Setting::Value(rest.to_owned()), ""),
            };
            let given = Given { option, short: true, setting };
            // At the end of the cluster, or the whole of the next word.
            let attached = place == words.place();
            let offset = given.value().filter(|_| attached).map_or(0, |value| word.len() - value.len());
            parsed.push(given, words.place(), offset);
            letters = next;
        }
        Ok(())
    }

    fn next(&self, spelled: &str, words: &mut Words) -> Result<String, Denial> {
        words.next().cloned().ok_or_else(|| {
            Denial::new(
                Reason::BadUsage,
                format!("docker {} {spelled}", self.about),
                "the option needs a value",
                format!("give it as {spelled} VALUE, or look at: docker {} --help", self.about),
            )
        })
    }

    /// Go's `strconv.ParseBool`.
    fn boolean(&self, spelled: &str, value: &str) -> Result<bool, Denial> {
        match value {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
            _ => Err(Denial::new(
                Reason::BadUsage,
                format!("docker {} {spelled}={value}", self.about),
                "docker takes only true or false here",
                format!("write {spelled} or {spelled}=false"),
            )),
        }
    }

    fn unknown(&self, spelled: &str) -> Denial {
        let names = self.find.clone().map(|option| option.long);
        let nearest = crate::docker::nearest::nearest(spelled.trim_start_matches('-'), names);
        let meant = nearest.map_or_else(String::new, |name| format!("did you mean --{name}? "));
        Denial::new(
            Reason::UnknownFlag,
            format!("docker {} {spelled}", self.about),
            "this gate does not know the option, and passes on only what it knows",
            format!("{meant}docker {} --help lists the options that docker has", self.about),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::{Opt, list, switch, value};
    use super::*;

    const OPTIONS: &[Opt] = &[
        switch("all").short('a'),
        switch("detach").short('d'),
        value("name").short('n'),
        list("volume").short('v').also(&["volumes"]),
        value("host"),
    ];

    fn given(anywhere: bool, words: &[&str]) -> Result<(Vec<String>, Vec<String>, bool), &'static str> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        parse("x", OPTIONS.iter(), anywhere, &words)
            .map(|p| (p.given.iter().map(Given::word).collect(), p.operands, p.help))
            .map_err(|denial| denial.reason.code())
    }

    #[test]
    fn reads_as_pflag_does() {
        type Row = (&'static [&'static str], &'static [&'static str], &'static [&'static str]);
        let rows: &[Row] = &[
            (&["-a", "x"], &["-a"], &["x"]),
            (&["-ad", "x"], &["-a", "-d"], &["x"]),
            (&["-an", "x", "y"], &["-a", "-n=x"], &["y"]),
            (&["-anx"], &["-a", "-n=x"], &[]),
            (&["-n=x"], &["-n=x"], &[]),
            (&["-n="], &["-n=="], &[]),
            (&["-n==x"], &["-n==x"], &[]),
            (&["-n", ""], &["--name="], &[]),
            (&["-v/:/h", "-v", "b:/c"], &["-v=/:/h", "-v=b:/c"], &[]),
            (&["--volumes", "a"], &["--volume=a"], &[]),
            (&["--name", "--", "y"], &["--name=--"], &["y"]),
            (&["--name=a", "--name", "b"], &["--name=b"], &[]),
            (&["--all=F", "--all=T"], &["--all"], &[]),
            (&["--all", "--all=0"], &["--all=false"], &[]),
            (&["-a=false"], &["-a=false"], &[]),
            (&["x", "-a"], &["-a"], &["x"]),
            (&["--", "-a"], &[], &["-a"]),
            (&["-", "", "x"], &[], &["-", "", "x"]),
            (&["--name="], &["--name="], &[]),
        ];
        for (words, options, operands) in rows {
            let (found, rest, help) = given(true, words).expect("accepted");
            assert_eq!((found, rest, help), (to_owned(options), to_owned(operands), false), "{words:?}");
        }
        let (found, rest, _) = given(false, &["-a", "x", "-d", "--", "y"]).expect("accepted");
        assert_eq!((found, rest), (to_owned(&["-a"]), to_owned(&["x", "-d", "--", "y"])));
    }

    #[test]
    fn refuses_what_pflag_would() {
        let rows: &[(&[&str], &str)] = &[
            (&["--al"], "unknown-flag"),
            (&["--All"], "unknown-flag"),
            (&["---all"], "unknown-flag"),
            (&["--=x"], "unknown-flag"),
            (&["-x"], "unknown-flag"),
            (&["-ax"], "unknown-flag"),
            (&["-a=", "x"], "unknown-flag"),
            (&["--all=yes"], "bad-usage"),
            (&["--all="], "bad-usage"),
            (&["--name"], "bad-usage"),
            (&["-an"], "bad-usage"),
        ];
        for (words, code) in rows {
            assert_eq!(given(true, words).expect_err("refused"), *code, "{words:?}");
        }
    }

    #[test]
    fn help_is_seen_where_docker_sees_it() {
        for words in [&["--help"][..], &["-h"], &["-ah"], &["x", "--help"], &["--help=true"]] {
            assert!(given(true, words).expect("accepted").2, "{words:?}");
        }
        for words in [&["--help=false"][..], &["-h=false"], &["--", "--help"]] {
            assert!(!given(true, words).expect("accepted").2, "{words:?}");
        }
        assert!(!given(false, &["x", "--help"]).expect("accepted").2);
    }

    fn to_owned(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }
}
