//! Invocation: a docker command line, understood as docker, Compose and buildx would. Pure.
//!
//! The words are read by pflag's rules ([`options`]) against the [`catalogue`]. Where docker's own two
//! parsers differ — cobra's scan for sub-commands is not pflag — the request is refused, and what is passed
//! on is rebuilt from what was understood, in a form that both read alike: groups without options, options
//! in one word, `--` before the operands.

use crate::denial::Denial;
use crate::request::words::Words;
use options::{Given, Parsed, Setting};
use refusals::{
    group_option, log_level, refuse_dashed_values, refuse_double_dash, refuse_other_project_names,
    refuse_paths_as_names, unknown_command,
};
use row::{Ask, Command, Use};
use std::path::PathBuf;

pub mod asks;
pub mod catalogue;
pub mod csv;
mod demands;
pub mod gpus;
pub mod nearest;
pub mod not_docker;
pub mod options;
pub mod refusals;
pub mod resources;
pub mod row;
pub mod secrets;

pub use row::Component;
pub use secrets::Secret;

/// A Compose project that was judged, ready to run in place of its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// The project directory, absolute.
    pub directory: PathBuf,
    /// The files that it was made of, for Compose's label: absolute paths, and `-` for standard input.
    pub files: String,
    /// The model as JSON, which is YAML; empty when there was no file to judge, so that Compose finds none.
    pub text: String,
    /// Where the text is not a model, but the files as they were read: with what they were judged.
    pub sent: Option<Sent>,
}

/// What files that are not resolved before they run do not say themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The project's name.
    pub name: String,
    /// The texts of the files of variables, in their order.
    pub variables: Vec<String>,
}

/// A docker command line.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    globals: Vec<Given>,
    target: Target,
    /// Options between `compose` and its sub-command.
    root: Vec<Given>,
    given: Vec<Given>,
    operands: Vec<String>,
    /// The judged model of the Compose project, once there is one.
    model: Option<Box<Model>>,
    secrets: Secrets,
}

/// What the command words stand for.
#[derive(Clone, Copy, Debug)]
enum Target {
    Command(&'static Command),
    /// Help on a command or a group; its spelling is the Invocation's operands.
    Help,
    /// `docker --version`.
    Version,
}

impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Command(one), Self::Command(another)) => std::ptr::eq(*one, *another),
            (Self::Help, Self::Help) | (Self::Version, Self::Version) => true,
            _ => false,
        }
    }
}

/// Where secrets stood among the words. What asks for the same is equal, wherever that was.
#[derive(Clone, Debug, Default)]
struct Secrets(Vec<Secret>);

impl PartialEq for Secrets {
    fn eq(&self, Secrets(_): &Self) -> bool {
        true
    }
}

impl Invocation {
    /// Understands a request's words.
    ///
    /// # Errors
    /// A [`Denial`] for anything but `docker`, for a command or option that the catalogue does not have, and
    /// for a line that docker's own parsers could read differently.
    pub fn parse(words: &Words) -> Result<Self, Denial> {
        match words.as_slice().split_first() {
            Some((first, rest)) if first == "docker" => Self::from_args(rest),
            Some((first, rest)) => Err(not_docker::denial(first, rest)),
            None => Err(not_docker::denial("", &[])),
        }
    }

    /// Understands the words after `docker`.
    ///
    /// # Errors
    /// As [`Invocation::parse`].
    pub fn from_args(args: &[String]) -> Result<Self, Denial> {
        let parsed = options::parse("", catalogue::GLOBAL.iter(), false, args)?;
        let secrets = Secrets(secrets::of_options(&parsed).collect());
        let Parsed { mut given, operands, help, .. } = parsed;
        refuse_double_dash(args, &operands, "docker")?;
        log_level(&given)?;
        let version = given.iter().any(|given| given.option.long == "version" && given.is_set());
        // Docker ignores it before a command.
        given.retain(|given| given.option.long != "version");
        let invocation = Self {
            globals: given,
            target: Target::Help,
            root: vec![],
            given: vec![],
            operands: vec![],
            model: None,
            secrets,
        };
        match operands.split_first() {
            None if version && !help => Ok(Self { target: Target::Version, ..invocation }),
            None => Ok(invocation),
            Some((word, path)) if word == "help" => invocation.help(path),
            Some(_) if help => invocation.help(&operands),
            Some(_) => invocation.descend(String::new(), &operands),
        }
    }

    /// Help on the longest path of command words; docker ignores what follows.
    fn help(mut self, path: &[String]) -> Result<Self, Denial> {
        let mut spelling = String::new();
        for word in path.iter().take_while(|word| !word.starts_with('-')) {
            let next = catalogue::join(&spelling, word);
            if matches!(catalogue::find(&next), catalogue::Found::Nothing) {
                break;
            }
            spelling = next;
        }
        if spelling.is_empty() && !path.is_empty() {
            return Err(unknown_command("", path.first().map_or("", |word| word)));
        }
        self.operands = spelling.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        self.target = Target::Help;
        Ok(self)
    }

    /// Walks down the command words, group by group.
    fn descend(mut self, prefix: String, words: &[String]) -> Result<Self, Denial> {
        use catalogue::Found;
        let Some((word, rest)) = words.split_first() else {
            return self.help(&split(&prefix));
        };
        if word.starts_with('-') {
            return match (word.as_str(), prefix.as_str()) {
                ("--help" | "-h" | "--help=true", _) => self.help(&split(&prefix)),
                _ => Err(group_option(&prefix, word)),
            };
        }
        // One word, not what would only look like two in a spelling.
        if word.is_empty() || word.contains(' ') {
            return Err(unknown_command(&prefix, word));
        }
        let spelling = catalogue::join(&prefix, word);
        match catalogue::find(&spelling) {
            Found::Nothing => Err(unknown_command(&prefix, word)),
            Found::Leaf(command) => self.leaf(command, &spelling, rest),
            Found::Both(command) => match rest.first() {
                Some(next) if !matches!(catalogue::find(&catalogue::join(&spelling, next)), Found::Nothing) => {
                    self.descend(spelling, rest)
                }
                _ => self.leaf(command, &spelling, rest),
            },
            Found::Group => match catalogue::root_options(&spelling) {
                None => self.descend(spelling, rest),
                Some(options) => {
                    let parsed = options::parse(&spelling, options.iter(), false, rest)?;
                    refuse_double_dash(rest, &parsed.operands, &spelling)?;
                    self.secrets.0.extend(secrets::of_options(&parsed));
                    self.root = parsed.given;
                    refuse_dashed_values(&self.root, &spelling)?;
                    refuse_other_project_names(&self.root)?;
                    if parsed.help {
                        return self.help(&split(&catalogue::join(
                            &spelling,
                            parsed.operands.first().map_or("", |word| word),
                        )));
                    }
                    let version = self.root.iter().any(|given| given.option.long == "version" && given.is_set());
                    self.root.retain(|given| given.option.long != "version");
                    if parsed.operands.is_empty() && version {
                        return self.descend(spelling, &["version".to_owned()]);
                    }
                    self.descend(spelling, &parsed.operands)
                }
            },
        }
    }

    fn leaf(mut self, command: &'static Command, spelling: &str, words: &[String]) -> Result<Self, Denial> {
        let parsed = options::parse(spelling, command.all_options(), command.flags_anywhere, words)?;
        if parsed.help {
            return self.help(&split(spelling));
        }
        refuse_paths_as_names(command, &parsed.operands)?;
        self.target = Target::Command(command);
        self.secrets.0.extend(secrets::of_options(&parsed).chain(secrets::of_operands(&parsed, command)));
        self.given = parsed.given;
        if !command.name.contains(' ') {
            // `builder --builder=x build` is passed on as `build --builder=x`; the later of two counts.
            for root in self.root.drain(..).rev() {
                let own = command.all_options().find(|option| option.long == root.option.long);
                let again = self.given.iter().any(|given| given.option.long == root.option.long);
                if let (Some(option), false) = (own, again) {
                    self.given.insert(0, Given { option, ..root });
                }
            }
        }
        self.operands = parsed.operands;
        Ok(self)
    }

    /// The command's row; `None` for help and version.
    pub fn command(&self) -> Option<&'static Command> {
        match self.target {
            Target::Command(command) => Some(command),
            Target::Help | Target::Version => None,
        }
    }

    /// The command in docker's own words, for the record: `exec`, `compose up`, `help`, `version`.
    pub fn name(&self) -> &'static str {
        match self.target {
            Target::Command(command) => command.name,
            Target::Help => "help",
            Target::Version => "version",
        }
    }

    /// What of the request is not to be written down; `None` for help, whose words docker does not all read.
    pub fn secrets(&self) -> Option<Vec<Secret>> {
        self.command().map(|_| self.secrets.0.clone())
    }

    /// The program whose parser will read the command.
    pub fn component(&self) -> Component {
        self.command().map_or(Component::Docker, Command::component)
    }

    /// The operands, without the command's own words.
    pub fn operands(&self) -> &[String] {
        &self.operands
    }

    /// The options given to the command itself.
    pub fn options(&self) -> &[Given] {
        &self.given
    }

    /// The options between `compose` and its sub-command.
    pub fn root_options(&self) -> &[Given] {
        &self.root
    }

    /// The argument vector for docker, argv\[0\] left out.
    ///
    /// `Invocation::from_args(x.argv())` is `x` again, and docker's parsers agree with that reading.
    pub fn argv(&self) -> Vec<String> {
        let variables = self.variables().len();
        let variables: Vec<String> =
            (4..).take(variables).map(|number: u32| format!("/proc/self/fd/{number}")).collect();
        self.argv_with_model(if self.takes_model_as_input() { "-" } else { "/proc/self/fd/3" }, &variables)
    }

    /// The same, with the paths under which docker will find the model of its Compose project, and its variables.
    pub fn argv_with_model(&self, path: &str, variables: &[String]) -> Vec<String> {
        let mut argv: Vec<String> =
            self.globals.iter().filter(|given| given.option.asks != Ask::Endpoint).map(Given::long_word).collect();
        let command = match self.target {
            Target::Version => {
                argv.push("--version".to_owned());
                return argv;
            }
            Target::Help => {
                argv.extend(self.operands.iter().cloned());
                argv.push("--help".to_owned());
                return argv;
            }
            Target::Command(command) => command,
        };
        let mut words = command.name.split(' ').map(str::to_owned);
        argv.extend(words.next());
        argv.extend(self.root_words(path, variables));
        argv.extend(words);
        argv.extend(self.given.iter().map(Given::word));
        if !self.operands.is_empty() {
            argv.push("--".to_owned());
            argv.extend(self.operands.iter().cloned());
        }
        argv
    }

    /// The options of the plugin's root; with a judged model, that in place of the files.
    fn root_words(&self, path: &str, variables: &[String]) -> Vec<String> {
        let Some(model) = &self.model else { return self.root.iter().map(Given::long_word).collect() };
        let names_files = |given: &&Given| matches!(given.option.asks, Ask::ProjectFile | Ask::ProjectDirectory);
        let is_judged =
            |given: &&Given| model.sent.is_some() && ["env-file", "project-name"].contains(&given.option.long);
        let others = self.root.iter().filter(|given| !names_files(given) && !is_judged(given)).map(Given::long_word);
        let project = [format!("--project-directory={}", model.directory.display()), format!("--file={path}")];
        let mut words: Vec<String> = others.chain(project).collect();
        if let Some(sent) = &model.sent {
            // With a file of variables given, Compose looks for none.
            let none = "/dev/null".to_owned();
            let files = if variables.is_empty() { std::slice::from_ref(&none) } else { variables };
            words.extend(files.iter().map(|file| format!("--env-file={file}")));
            words.push(format!("--project-name={}", sent.name));
        }
        words
    }

    /// The texts of the files of variables that the project is to be read with.
    pub fn variables(&self) -> &[String] {
        self.model.as_ref().and_then(|model| model.sent.as_ref()).map_or(&[], |sent| &sent.variables)
    }

    /// Puts the judged model of the project in the place of its files.
    #[must_use]
    pub fn with_model(mut self, model: Model) -> Self {
        self.model = Some(Box::new(model));
        self
    }

    /// Has what the command makes carry a label; behind those that are given, so that it counts.
    #[must_use]
    pub fn with_label(mut self, name: &str, value: &str) -> Self {
        let makes = self.command().filter(|command| command.asks.contains(&Ask::Makes));
        let label = makes.and_then(|command| command.all_options().find(|option| option.long == "label"));
        let setting = Setting::Value(format!("{name}={value}"));
        self.given.extend(label.map(|option| Given { option, short: false, setting }));
        self
    }

    /// The image of the container that the command makes by itself.
    pub fn made_of(&self) -> Option<&str> {
        let makes = self.command()?.asks.contains(&Ask::Makes);
        self.operands.first().filter(|_| makes).map(String::as_str)
    }

    /// Whether docker is to read the judged model on its standard input. Compose labels what it makes with the names of
    /// its files, and of what stands there it says `-`, as it would have. Commands that ask or pass on what comes on
    /// standard input keep it.
    pub fn takes_model_as_input(&self) -> bool {
        self.model.is_some() && self.project_use() == Some(Use::Makes) && self.name() != "compose run"
    }

    /// The judged model, where the command has one.
    pub fn model(&self) -> Option<&Model> {
        self.model.as_deref()
    }

    /// What the command does with the Compose project that it loads, if it loads one.
    pub fn project_use(&self) -> Option<Use> {
        self.command()?.asks.iter().find_map(|ask| match ask {
            Ask::Project(purpose) => Some(*purpose),
            _ => None,
        })
    }

    /// The value of an option of the command, the last one given.
    pub fn value_of(&self, long: &str) -> Option<&str> {
        self.given.iter().rfind(|given| given.option.long == long).and_then(Given::value)
    }

    /// Whether an option of the command is given and not switched off.
    pub fn has(&self, long: &str) -> bool {
        self.given.iter().rfind(|given| given.option.long == long).is_some_and(Given::is_set)
    }
}

fn split(spelling: &str) -> Vec<String> {
    spelling.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
