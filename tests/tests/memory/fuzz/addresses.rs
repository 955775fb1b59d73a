//! Addresses of servers, and passwords that have in them what addresses are made of.

use typewright_tests::memory::fuzz::address;

use super::{changed, run};

const SEEDS: [&str; 5] = [
    "postgres://ada:pass@db.example:5433/memories?sslmode=require&connect_timeout=10",
    "postgresql://ada@127.0.0.1:5432,[::1],%2Ftmp/m?target_session_attrs=read-write&hostaddr=1.2.3.4",
    "host=/tmp,db.example hostaddr=,127.0.0.1 port=5433,1 user='a b' password='it\\'s' dbname=m",
    "keepalives=1 keepalives_idle=7 channel_binding=prefer load_balance_hosts=random options='-c a=b'",
    "ssl@mode=x:y/z?a=b&c",
];

/// What addresses are cut at.
const SIGNS: [&str; 12] = ["@", ":", "/", "?", "&", "=", "%", "'", "\\", ",", " ", "@@/?a=b&"];

#[test]
fn no_address_panics_and_no_password_is_shown() {
    for seed in SEEDS {
        for choice in 0..=u8::MAX {
            address(choice, seed);
        }
    }
    let mut taken = 0;
    for (before, after) in SIGNS.iter().flat_map(|sign| SIGNS.map(|other| (sign, other))) {
        for choice in 4..8 {
            let choice = choice | (before.len() as u8) << 3;
            taken += usize::from(address(choice, &format!("{before}{after}")));
        }
    }
    assert!(taken > 200, "{taken}");
    let taken = run(14, 20_000, |random, round| {
        let text = changed(random, SEEDS[round % SEEDS.len()]);
        address(random.u8(..), &String::from_utf8_lossy(&text))
    });
    assert!(taken > 100, "{taken}");
}
