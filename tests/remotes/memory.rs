//! How much memory a large object takes: little, whatever its size. Measured in a process of its own.

use std::process::Command;

use crate::contract::{Expect, Noise, key};
use crate::server::open;

const LEN: u64 = 160 << 20;
/// Parts of 8 MiB, five of them at most, and what a test program takes by itself.
const MOST: u64 = 96 << 20;

/// Puts and streams an object that is larger than the memory that may be taken.
pub(crate) fn stays_bounded(address: &str, vars: &[(&str, &str)]) {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "memory::in_a_process_of_its_own", "--ignored", "--nocapture"]);
    child.env("REMOTE_UNDER_TEST", address);
    for (name, value) in vars {
        child.env(format!("REMOTE_VAR_{name}"), value);
    }
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let peak = text
        .lines()
        .find_map(|line| line.split_once("peak of ")?.1.split_once(" KiB")?.0.parse::<u64>().ok());
    let peak = peak.unwrap_or_else(|| panic!("{text}")) * 1024;
    assert!(peak < MOST, "{address}: {} MiB", peak >> 20);
}

#[test]
#[ignore = "started by the tests of each kind"]
fn in_a_process_of_its_own() {
    let vars: Vec<(String, String)> = std::env::vars()
        .filter_map(|(name, value)| Some((name.strip_prefix("REMOTE_VAR_")?.to_owned(), value)))
        .collect();
    let vars: Vec<(&str, &str)> = vars
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let address = std::env::var("REMOTE_UNDER_TEST").unwrap();
    let remote = open(&address, &vars).unwrap();
    let body = Noise::new(9, LEN);
    remote.put(&key("memory/large"), &body).unwrap();
    assert_eq!(
        remote.stream(&key("memory/large"), 0, &mut Expect::new(&body)).unwrap(),
        LEN
    );
    remote.remove(&key("memory/large")).unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("peak of {} KiB", peak.trim().trim_end_matches(" kB"));
}
