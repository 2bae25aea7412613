//! A network for the containers of a Docker daemon: a bridge of its own on the machine, from which ports are published.
//!
//! The containers of other engines have none, so that nothing of the machine's network changes. Here a bridge is added, and
//! taken away again; there is no filter and no translation of addresses: behind a published port is a process of the
//! daemon's that passes bytes on (`docker-proxy`).

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use anyhow::{bail, Context, Result};

use super::place::Place;
use crate::command::{output, run};

/// The file with the network's number.
const FILE: &str = "bridge";

/// The numbers that a network may have: its addresses are `10.NUMBER.x.y`.
const NUMBERS: std::ops::RangeInclusive<u8> = 100..=250;

/// Adds the bridge; with the number that it had before, if that is still free.
pub(crate) fn prepare(place: &Place) -> Result<()> {
    let table =
        std::fs::read_to_string("/proc/net/route").context("failed to read `/proc/net/route`")?;
    let routes = routes(&table);
    let free = |number: &u8| !is_taken(&routes, *number) && !exists(*number);
    let Some(number) = number(place).into_iter().chain(NUMBERS).find(free) else {
        bail!("every network from 10.100.0.0/16 to 10.250.0.0/16 is taken on this machine: stop an engine that has one");
    };
    place.write(FILE, &format!("{number}\n"))?;
    let name = name(number);
    let address = format!("10.{number}.0.1/24");
    run(&mut ip(&["link", "add", "name", &name, "type", "bridge"]))?;
    run(&mut ip(&["address", "add", &address, "dev", &name]))?;
    run(&mut ip(&["link", "set", "dev", &name, "up"]))
}

/// What the daemon is told: [`prepare`]'s bridge, or that there is none.
pub(crate) fn daemon_flags(place: &Place) -> Vec<String> {
    match number(place) {
        Some(number) => vec![
            format!("--bridge={}", name(number)),
            // Of the networks that clients make.
            format!("--default-address-pool=base=10.{number}.128.0/17,size=24"),
            "--userland-proxy=true".to_owned(),
        ],
        None => vec!["--bridge=none".to_owned()],
    }
}

/// Takes the bridge away, and those of networks that clients have made.
pub(crate) fn remove(place: &Place) -> Result<()> {
    let Some(number) = number(place) else {
        return Ok(());
    };
    let listed = output(&mut ip(&["-oneline", "-4", "address", "show"]))?;
    for interface in interfaces(&listed, number) {
        run(&mut ip(&[
            "link", "delete", "dev", interface, "type", "bridge",
        ]))?;
    }
    Ok(())
}

/// The number that [`prepare`] has chosen, if it was called for this place.
fn number(place: &Place) -> Option<u8> {
    let text = std::fs::read_to_string(place.file(FILE)).ok()?;
    text.trim().parse().ok()
}

fn name(number: u8) -> String {
    format!("stevedore{number}")
}

fn exists(number: u8) -> bool {
    Path::new("/sys/class/net").join(name(number)).exists()
}

fn ip(arguments: &[&str]) -> Command {
    let mut command = Command::new("ip");
    command.args(arguments);
    command
}

/// The destinations in `/proc/net/route`, with their masks.
fn routes(table: &str) -> Vec<(u32, u32)> {
    // The kernel prints the addresses as the numbers that their bytes are on this machine.
    let number = |text: &str| Some(u32::from_be(u32::from_str_radix(text, 16).ok()?));
    let route = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        Some((number(fields.nth(1)?)?, number(fields.nth(5)?)?))
    };
    table.lines().skip(1).filter_map(route).collect()
}

/// Whether a route, other than the default one, leads to an address of this network.
fn is_taken(routes: &[(u32, u32)], number: u8) -> bool {
    let network = u32::from(Ipv4Addr::new(10, number, 0, 0));
    routes.iter().any(|(destination, mask)| {
        let both = mask & 0xffff_0000;
        *mask != 0 && destination & both == network & both
    })
}

/// The interfaces that have an address in this network, among those that `ip -oneline address show` lists.
fn interfaces(listed: &str, number: u8) -> impl Iterator<Item = &str> {
    let prefix = format!("10.{number}.");
    listed.lines().filter_map(move |line| {
        // `5: NAME    inet 10.100.0.1/24 …`
        let mut fields = line.split_ascii_whitespace().skip(1);
        let interface = fields.next()?;
        fields.nth(1)?.starts_with(&prefix).then_some(interface)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_to_which_a_route_leads_are_taken() {
        let table = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n\
                     eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\n\
                     eth0\t0000640A\t00000000\t0001\t0\t0\t0\t00FFFFFF\n\
                     br0\t0000680A\t00000000\t0001\t0\t0\t0\t0000FCFF\n";
        let routes = routes(table);
        let taken: Vec<u8> = (98..=110).filter(|n| is_taken(&routes, *n)).collect();
        assert_eq!(taken, [100, 104, 105, 106, 107]);
    }

    #[test]
    fn the_interfaces_of_a_network_are_told_by_their_addresses() {
        let listed = "1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever\n\
                      5: stevedore100    inet 10.100.0.1/24 scope global stevedore100\\ valid_lft forever\n\
                      6: br-3f    inet 10.100.128.1/24 brd 10.100.128.255 scope global br-3f\n\
                      7: br-4f    inet 10.10.0.1/24 scope global br-4f\n";
        let found: Vec<_> = interfaces(listed, 100).collect();
        assert_eq!(found, ["stevedore100", "br-3f"]);
    }
}
