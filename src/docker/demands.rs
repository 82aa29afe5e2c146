//! What an invocation asks for, by the catalogue's rows. Pure.

use super::options::Given;
use super::row::{Ask, Command, Component, Operands};
use super::{Invocation, asks, resources};
use crate::demand::{ANY_TAG, Demand, Existing, Object, Starts, Touch, Want};

impl Invocation {
    /// Everything that the command line asks for, as far as it shows.
    pub fn demands(&self) -> Vec<Demand> {
        let mut demands = Vec::new();
        let given = self.globals.iter().chain(&self.root).chain(&self.given);
        if let Some(command) = self.command() {
            demands.push(Demand::new(
                Want::Operation { name: command.name.to_owned(), instead: false },
                format!("docker {}", command.name),
            ));
        }
        for given in given.filter(|given| given.is_set()) {
            let value = given.value().unwrap_or(given.option.long);
            for want in asks::wants(given.option.asks, &given.name(), value) {
                demands.push(Demand::new(self.relative_to_project(want), given.shown()));
            }
        }
        if let Some(command) = self.command() {
            let about = format!("docker {}", command.name);
            for ask in command.asks {
                match ask {
                    Ask::Starts => {
                        demands.push(Demand::new(Want::Starts(Starts::Named(self.operands.clone())), &*about));
                        let started = Existing::Named(self.operands.clone());
                        demands.push(Demand::new(Want::Mounted(started), &*about));
                    }
                    Ask::Makes => {
                        demands.push(Demand::new(Want::NewContainer(resources::new_container(&self.given)), &*about));
                        demands.push(Demand::new(Want::Starts(Starts::New(1)), &*about));
                    }
                    Ask::Limits => {
                        demands.push(Demand::new(Want::Resources(resources::resources(&self.given)), &*about))
                    }
                    _ => {}
                }
            }
            let own = command.asks.iter().flat_map(|ask| asks::wants(*ask, command.name, command.name));
            demands.extend(own.map(|want| Demand::new(want, &*about)));
            demands.extend(self.operand_demands(command));
            if command.name == "rm" && self.has("volumes") {
                let removed = Want::RemovedVolumes(Existing::Named(self.operands.clone()));
                demands.push(Demand::new(removed, format!("{about} --volumes")));
            }
            // What the options ask for says more than that the command is the administrator's.
            let (control, other) = demands.into_iter().partition(|demand| matches!(demand.want, Want::Control { .. }));
            demands = other;
            demands.extend::<Vec<_>>(control);
        }
        demands
    }

    /// `compose run -v ./x:/y` starts from the project directory, which only Compose knows for sure.
    fn relative_to_project(&self, want: Want) -> Want {
        match want {
            Want::Bind { source, read_only } if self.component() == Component::Compose && !source.starts_with('/') => {
                Want::Bind { source: format!("(project directory)/{source}"), read_only }
            }
            other => other,
        }
    }

    fn operand_demands(&self, command: &Command) -> Vec<Demand> {
        let read = |path: &String| Demand::new(Want::ClientRead { path: path.clone() }, path.clone());
        let image = |name: &String| Demand::new(Want::Image { name: name.clone() }, name.clone());
        match (command.operands, self.operands.as_slice()) {
            (Operands::BuildContext, [context, ..]) if context != "-" && !asks::is_remote(context) => {
                vec![Demand::new(Want::ClientReadTree { path: context.clone() }, context.clone())]
            }
            (Operands::File, [file, ..]) | (Operands::NameAndFile, [_, file, ..])
                if file != "-" && !asks::is_remote(file) =>
            {
                vec![read(file)]
            }
            (Operands::NameAndDirectory, [_, path, ..]) => {
                vec![Demand::new(Want::ClientReadTree { path: path.clone() }, path.clone())]
            }
            (Operands::Copy, [from, to, ..]) => copied(command, from, to),
            (Operands::Objects(object, how), names) => {
                // A pull is the only change that can bring an image of another name.
                let any = if self.has("all-tags") { ANY_TAG } else { "" };
                let names = || names.iter().map(|name| format!("{name}{any}"));
                let fetched = names().filter(|_| command.name == "pull").map(|name| image(&name));
                fetched.chain(names().map(|name| touch(object, &name, how))).collect()
            }
            (Operands::Made(object), [name, ..]) => vec![touch(object, name, Touch::Make)],
            (Operands::Object(object, how), [name, ..]) => vec![touch(object, name, how)],
            (Operands::ContainerAndImage, [container, new @ ..]) => {
                let made = new.iter().map(|name| touch(Object::Image, name, Touch::Make));
                std::iter::once(touch(Object::Container, container, Touch::Change)).chain(made).collect()
            }
            (Operands::FileAndImage, [file, new @ ..]) => {
                let local = (file != "-" && !asks::is_remote(file)).then(|| read(file));
                local.into_iter().chain(new.iter().map(|name| touch(Object::Image, name, Touch::Bring))).collect()
            }
            (Operands::ImageAndName, [from, new @ ..]) => {
                let made = new.iter().map(|name| touch(Object::Image, name, Touch::Make));
                std::iter::once(touch(Object::Image, from, Touch::Change)).chain(made).collect()
            }
            (Operands::Rename, [from, to, ..]) => vec![
                touch(Object::Container, from, Touch::Change),
                Demand::new(Want::Named { name: to.clone() }, to.clone()),
            ],
            (Operands::NetworkAndContainer, [network, container, ..]) => {
                vec![touch(Object::Network, network, Touch::Change), touch(Object::Container, container, Touch::Change)]
            }
            (Operands::ImageAndCommand, [name, ..]) => {
                let pulls = self.given.iter().rfind(|given| given.option.long == "pull").and_then(Given::value);
                let pulled = (pulls == Some("always")).then(|| touch(Object::Image, name, Touch::Bring));
                std::iter::once(image(name)).chain(pulled).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn touch(object: Object, name: &str, how: Touch) -> Demand {
    Demand::new(asks::object(object, name, how), name)
}

/// `cp FROM TO`, one of which is `CONTAINER:PATH`.
fn copied(command: &Command, from: &str, to: &str) -> Vec<Demand> {
    let local = |operand: &str| operand != "-" && (operand.starts_with(['/', '.']) || !operand.contains(':'));
    let names = [from, to].into_iter().filter(|operand| !local(operand));
    let names = names.filter_map(|operand| operand.split_once(':'));
    let mut demands: Vec<Demand> =
        names.clone().map(|(name, _)| touch(Object::Container, name, Touch::Change)).collect();
    // Where the container does not run, the daemon mounts what it has for the copy.
    let mounted = Existing::Named(names.map(|(name, _)| name.to_owned()).collect());
    demands.push(Demand::new(Want::Mounted(mounted), format!("docker {}", command.name)));
    if local(from) {
        demands.push(Demand::new(Want::ClientReadTree { path: from.to_owned() }, from));
    }
    if local(to) {
        demands.push(Demand::new(Want::ClientWrite { what: to.to_owned() }, to));
    }
    demands
}
