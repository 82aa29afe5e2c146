//! Resources and published ports of a command line, as numbers: what docker makes of `--memory 2g` or `-p 80:80`. Pure.
//! Whether they are too many is the policy (`policy::rules::limits`).

use super::options::Given;
use crate::demand::{Amount, HostPorts, NewContainer, Resources};

/// The container that `run` or `create` with these options would make.
pub fn new_container(given: &[Given]) -> NewContainer {
    let values =
        |long: &'static str| given.iter().filter(move |given| given.option.long == long).filter_map(Given::value);
    let mut ports: Vec<HostPorts> = values("publish").map(published).collect();
    // Every exposed port, each on one of docker's choosing.
    let all = given.iter().filter(|given| given.option.long == "publish-all" && given.is_set());
    ports.extend(all.map(|given| HostPorts::Any(given.shown())));
    NewContainer {
        names: values("name").next_back().map(str::to_owned).into_iter().collect(),
        resources: resources(given),
        ports,
    }
}

/// The limits among the options of `run`, `create` or `update`; the last of two counts.
pub fn resources(given: &[Given]) -> Resources {
    let last = |long: &str| given.iter().rfind(|given| given.option.long == long).and_then(Given::value);
    Resources {
        memory: last("memory").map_or(Amount::NotGiven, memory),
        swap: last("memory-swap").map_or(Amount::NotGiven, memory),
        cpus: processors(last("cpus"), last("cpu-quota"), last("cpu-period")),
        pids: last("pids-limit").map_or(Amount::NotGiven, pids),
    }
}

/// The processor time that options come to: the worst of the three. 0 is as good as not given to docker. The daemon
/// refuses `--cpus` beside a quota or a period, but takes `--cpu-quota=-1`, which lifts the limit (measured with
/// dockerd 28.5, `run` and `update`). A quota is another share for each period, and `update` leaves one as it is.
pub fn processors(cpus: Option<&str>, quota: Option<&str>, period: Option<&str>) -> Amount {
    match quota.into_iter().chain(period).find(|text| *text != "0") {
        Some(text) => Amount::Unknown(text.to_owned()),
        None => cpus.map_or(Amount::NotGiven, self::cpus),
    }
}

/// `512m`, `2g`, `1.5GiB`: bytes, by powers of 1024 (docker/go-units `RAMInBytes`). 0 is no limit.
pub fn memory(text: &str) -> Amount {
    let unknown = || Amount::Unknown(text.to_owned());
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim_end();
    let unit = text.get(number.len()..).unwrap_or_default().trim_start().to_ascii_lowercase();
    let unit = unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b')).unwrap_or(&unit);
    let power = match unit {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return unknown(),
    };
    scaled(number, 1024_u64.pow(power)).map_or_else(unknown, Amount::Is)
}

/// `1.5`: thousandths of a processor. 0 is no limit.
pub fn cpus(text: &str) -> Amount {
    scaled(text, 1000).map_or_else(|| Amount::Unknown(text.to_owned()), Amount::Is)
}

/// A whole number; 0 and -1 are no limit.
pub fn pids(text: &str) -> Amount {
    match text.parse() {
        Ok(number) if number > 0 => Amount::Is(number),
        _ => Amount::Unknown(text.to_owned()),
    }
}

/// A plain decimal number times `unit`, rounded up; `None` for 0 and for what is not one.
fn scaled(text: &str, unit: u64) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.len() <= 15 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || (whole.is_empty() && part.is_empty()) {
        return None;
    }
    let number = |text: &str| if text.is_empty() { Some(0_u128) } else { text.parse().ok() };
    let scale = 10_u128.pow(u32::try_from(part.len()).ok()?);
    let total = (number(whole)? * scale + number(part)?) * u128::from(unit);
    u64::try_from(total.div_ceil(scale)).ok().filter(|total| *total > 0)
}

/// `-p [IP:][HOST[-HOST]:]CONTAINER[-CONTAINER][/PROTOCOL]` (docker/go-connections `nat.ParsePortSpec`).
pub fn published(text: &str) -> HostPorts {
    let any = || HostPorts::Any(text.to_owned());
    // The long syntax: published=8080,target=80.
    if text.contains('=') {
        return any();
    }
    let without_protocol = text.split('/').next().unwrap_or_default();
    let Some((before, _container)) = without_protocol.rsplit_once(':') else { return any() };
    // An IPv6 address stands in brackets, and its colons end before the last `]:`.
    let host = before.rsplit_once(':').map_or(before, |(_address, host)| host);
    host_ports(host).unwrap_or_else(any)
}

/// `8080` or `8000-8010`.
pub fn host_ports(text: &str) -> Option<HostPorts> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let port =
        |text: &str| if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse::<u16>().ok() } else { None };
    let (first, last) = (port(first)?, port(last)?);
    (first > 0 && first <= last).then_some(HostPorts::Range(first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_docker_s() {
        for (text, bytes) in [
            ("512m", 512 << 20),
            ("2g", 2 << 30),
            ("2GB", 2 << 30),
            ("2GiB", 2 << 30),
            ("1.5k", 1536),
            ("1.0001b", 2),
            ("67108864", 64 << 20),
            ("10 m", 10 << 20),
        ] {
            assert_eq!(memory(text), Amount::Is(bytes), "{text}");
        }
        for text in ["", "0", "-1", "m", "1e3", "1x", "0.0g", "99999999999999999g", "1.2.3", "+1", "٣"] {
            assert_eq!(memory(text), Amount::Unknown(text.to_owned()));
        }
        assert_eq!(cpus("1.5"), Amount::Is(1500));
        assert_eq!(cpus(".5"), Amount::Is(500));
        assert_eq!(cpus("1.0001"), Amount::Is(1001));
        assert!(matches!(cpus("1/2"), Amount::Unknown(_)));
        assert_eq!(pids("100"), Amount::Is(100));
        assert!(matches!(pids("-1"), Amount::Unknown(_)));
    }

    #[test]
    fn processors_are_limited_by_whatever_docker_lets_win() {
        let unknown = |text: &str| Amount::Unknown(text.to_owned());
        for (cpus, quota, period, expected) in [
            (None, None, None, Amount::NotGiven),
            (Some("0.5"), None, None, Amount::Is(500)),
            (Some("0.5"), Some("0"), Some("0"), Amount::Is(500)),
            (Some("0.5"), Some("-1"), None, unknown("-1")),
            (Some("0.5"), Some("50000"), None, unknown("50000")),
            (Some("0.5"), None, Some("1000"), unknown("1000")),
            (None, Some("50000"), Some("1000"), unknown("50000")),
            (None, None, Some("1000"), unknown("1000")),
            (Some("0"), None, None, unknown("0")),
        ] {
            assert_eq!(processors(cpus, quota, period), expected, "{cpus:?} {quota:?} {period:?}");
        }
    }

    #[test]
    fn ports_are_docker_s() {
        for (text, expected) in [
            ("8080:80", Some((8080, 8080))),
            ("127.0.0.1:8080:80/tcp", Some((8080, 8080))),
            ("8000-8010:80-90", Some((8000, 8010))),
            ("[::1]:8080:80", Some((8080, 8080))),
            ("::1:8080:80", Some((8080, 8080))),
            ("80", None),
            ("80/udp", None),
            ("published=22222,target=80,x=:8000:80", None),
            ("127.0.0.1::80", None),
            ("0:80", None),
            ("9000-8000:80", None),
            ("65536:80", None),
            ("http:80", None),
            ("", None),
        ] {
            let expected = expected.map_or_else(|| HostPorts::Any(text.to_owned()), |(a, b)| HostPorts::Range(a, b));
            assert_eq!(published(text), expected, "{text}");
        }
    }
}
