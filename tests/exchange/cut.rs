//! Pushes and fetches that are cut off, at every call and in the middle of a stream.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use envgit::digest::Digest;
use envgit::exchange::Source;
use envgit::exchange::fetch::Local;
use envgit::exchange::mend::{Loss, Mended, mend};
use envgit::exchange::push::Force;
use envgit::progress::Silent;
use envgit::remote::Directory;
use envgit::store::Store;

use super::common::{Sandbox, whole_history};
use super::places::*;

/// Objects that were written whole more than once.
fn twice(meter: &Meter) -> Vec<String> {
    let mut count: BTreeMap<String, u32> = BTreeMap::new();
    for (key, _) in &meter.traffic.lock().unwrap().written {
        *count.entry(key.clone()).or_default() += 1;
    }
    count
        .into_iter()
        .filter(|(_, count)| *count > 1)
        .map(|(key, _)| key)
        .collect()
}

#[test]
fn a_push_that_is_cut_off_sends_nothing_whole_twice() {
    let a = with_commits();
    let dir = tempfile::tempdir().unwrap();
    let all = {
        let meter = Meter::new(&dir.path().join("all"));
        push_all(&a, &meter);
        meter.calls() as u64
    };
    assert!(all > 8, "{all}");
    for cut in 0..all {
        let memory = a.repo_dir().join("remotes");
        let _ = std::fs::remove_dir_all(&memory);
        let path = dir.path().join(format!("cut-{cut}"));
        let meter = Meter::new(&path);
        meter.fuse.store(cut, Ordering::SeqCst);
        // Another may look at any time: what is there is always whole.
        let pushed = try_push(&a, &meter, updates(&a, Force::No));
        let is_there = path.join("refs/log").is_dir() && !files(&path.join("refs/log")).is_empty();
        if is_there {
            let b = Sandbox::venv();
            try_fetch(&b, &Source::Remote(Box::new(Directory::new(path.clone())))).unwrap();
            whole_history(&b);
        } else {
            assert!(pushed.is_err());
        }
        meter.fuse.store(u64::MAX, Ordering::SeqCst);
        push_all(&a, &meter);
        assert_eq!(twice(&meter), Vec::<String>::new(), "cut at {cut}");
        assert!(path.join("history/info/refs").is_file());
        let packs = files(&path.join("history/objects/pack"));
        assert_eq!(packs.len(), 2, "{packs:?}");
    }
}

#[test]
fn a_fetch_that_is_cut_off_goes_on_where_it_stopped() {
    let a = with_commits();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("remote");
    push_all(&a, &Directory::new(path.clone()));
    let sizes: BTreeMap<String, u64> = files(&path).into_iter().collect();
    let b = Sandbox::venv();
    let meter = Meter::new(&path);
    let mut cuts = 0;
    loop {
        meter.budget.store(20_000, Ordering::SeqCst);
        match try_fetch(&b, &Source::Remote(Box::new(meter.clone()))) {
            Ok(_) => break,
            Err(_) => {
                cuts += 1;
                assert_eq!(at(&b, "refs/remotes/origin/main"), None);
                assert_eq!(at(&b, "refs/tags/v1"), None);
                whole_history(&b);
            }
        }
        assert!(cuts < 200);
    }
    assert!(cuts > 10, "{cuts}");
    let read = &meter.traffic.lock().unwrap().read;
    for (key, bytes) in read.iter().filter(|(key, _)| !key.starts_with("refs/")) {
        assert_eq!(bytes, &sizes[key], "{key} was read more than once");
    }
    b.checkout("origin/main");
    assert_eq!(files(&b.repo_dir().join("incoming")), []);
}

#[test]
fn a_fetch_survives_the_loss_of_every_call() {
    let a = with_commits();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("remote");
    push_all(&a, &Directory::new(path.clone()));
    for cut in 0.. {
        let b = Sandbox::venv();
        let meter = Meter::new(&path);
        meter.fuse.store(cut, Ordering::SeqCst);
        let is_done = try_fetch(&b, &Source::Remote(Box::new(meter.clone()))).is_ok();
        meter.fuse.store(u64::MAX, Ordering::SeqCst);
        try_fetch(&b, &Source::Remote(Box::new(meter))).unwrap();
        assert_eq!(at(&b, "refs/remotes/origin/main"), at(&a, "refs/heads/main"));
        if is_done {
            assert!(cut > 3);
            break;
        }
    }
}

#[test]
fn a_repair_that_is_cut_off_leaves_each_layer_as_it_was_or_whole() {
    let a = with_commits();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("remote");
    push_all(&a, &Directory::new(path.clone()));
    let layers = a.repo_dir().join("layers");
    let names: Vec<Digest> = files(&layers)
        .iter()
        .map(|(name, _)| name.trim_end_matches(".tar.zst").parse().unwrap())
        .collect();
    let file = |layer: &Digest| layers.join(format!("{layer}.tar.zst"));
    let sound: Vec<Vec<u8>> = names.iter().map(|layer| std::fs::read(file(layer)).unwrap()).collect();
    let mut lost = Loss::default();
    for layer in &names {
        let index = Store::cached_index(&a.repo_dir().join("cache"), layer).unwrap();
        lost.contents
            .extend(index.wholes.iter().map(|whole| (whole.digest, whole.size)));
        lost.layers.insert(*layer);
    }
    let damage = b"damaged".to_vec();
    let harm = || {
        for layer in &names {
            std::fs::remove_file(file(layer)).unwrap();
            std::fs::write(file(layer), &damage).unwrap();
        }
    };
    let session = a.session();
    let attempt = |meter: &Meter| -> Mended {
        let local = Local {
            history: session.repo.history(),
            dir: session.repo.dir(),
        };
        let source = Source::Remote(Box::new(Meter::new(&path)));
        let offer = source.offer(None).unwrap();
        let mut loss = Loss {
            contents: lost.contents.clone(),
            layers: lost.layers.clone(),
            sound: Vec::new(),
        };
        let mended = mend(
            local,
            &Source::Remote(Box::new(meter.clone())),
            &offer,
            &mut loss,
            &Silent,
        );
        for (layer, sound) in names.iter().zip(&sound) {
            let now = std::fs::read(file(layer)).unwrap();
            let came = mended.brought.iter().any(|brought| brought.digest == *layer);
            assert!(now == if came { sound.clone() } else { damage.clone() });
        }
        assert_eq!(loss.contents.is_empty(), mended.failed.is_empty());
        mended
    };
    let mut cuts = 0;
    for cut in 0.. {
        harm();
        let meter = Meter::new(&path);
        meter.fuse.store(cut, Ordering::SeqCst);
        if attempt(&meter).failed.is_empty() {
            break;
        }
        cuts += 1;
        // Whoever is gone is not asked for every layer.
        assert!(
            meter.calls() as u64 <= cut + 1,
            "{:?}",
            meter.traffic.lock().unwrap().calls
        );
    }
    assert!(cuts >= 4, "{cuts}");
    // In the middle of a layer: what came is kept, and the next try goes on with it.
    harm();
    let meter = Meter::new(&path);
    meter.budget.store(50_000, Ordering::SeqCst);
    assert_eq!(attempt(&meter).brought, []);
    assert!(!files(&a.repo_dir().join("incoming")).is_empty());
    meter.budget.store(u64::MAX, Ordering::SeqCst);
    assert_eq!(attempt(&meter).brought.len(), names.len());
    assert_eq!(files(&a.repo_dir().join("incoming")), []);
    whole_history(&a);
}
