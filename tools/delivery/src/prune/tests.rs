#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::HashSet;

use stevedore_engine::{Engine, EngineKind, Error as EngineError, Identity, ImageFacts, Tagged};

use stevedore_wire::Traffic;

use super::*;

/// An engine in which something happens between the list of its images and what is asked for then.
struct Moving {
    identity: Identity,
    traffic: Traffic,
    listed: Vec<ListedImage>,
    names: RefCell<BTreeMap<Reference, Digest>>,
}

impl Engine for Moving {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    async fn tag(&self, image: &Digest, reference: &Reference) -> Result<Tagged, EngineError> {
        let mut names = self.names.borrow_mut();
        names.insert(reference.clone(), *image);
        Ok(Tagged::Done)
    }

    async fn inspect(&self, image: ImageName<'_>) -> Result<Option<ImageFacts>, EngineError> {
        let ImageName::Id(id) = image else {
            panic!("asked for {image}");
        };
        let names = self.names.borrow();
        let names = names.iter().filter(|(_, image)| *image == id);
        Ok(Some(ImageFacts {
            id: *id,
            diff_ids: Vec::new(),
            references: names.map(|(name, _)| name.clone()).collect(),
            is_available: None,
        }))
    }

    async fn remove_image(&self, image: &Digest) -> Result<(), EngineError> {
        panic!("removed {image}");
    }

    async fn remove_name(&self, name: &Reference) -> Result<NameRemoval, EngineError> {
        self.names.borrow_mut().remove(name);
        Ok(NameRemoval::Done)
    }
}

impl Inventory for Moving {
    async fn images(&self) -> Result<Vec<ListedImage>, EngineError> {
        Ok(self.listed.clone())
    }

    async fn images_in_use(&self) -> Result<HashSet<Digest>, EngineError> {
        Ok(HashSet::new())
    }
}

#[tokio::test]
async fn what_was_taken_up_since_the_list_was_made_stays() {
    let (image, other) = (Digest::of(b"config"), Digest::of(b"other"));
    let name: Reference = "app:dev".parse().unwrap();
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let mark = |seconds| Mark::new(at(seconds), image, &name).unwrap().name().clone();
    for (case, now, expected, left) in [
        (
            "as listed",
            vec![(&name, image), (&mark(1), image)],
            Verdict::Removed,
            vec![],
        ),
        (
            "moved",
            vec![(&name, other), (&mark(1), image)],
            Verdict::Removed,
            vec![&name],
        ),
        (
            "claimed",
            vec![(&name, image)],
            Verdict::Claimed,
            vec![&name],
        ),
        (
            "used by a test",
            vec![(&name, image), (&mark(1), image), (&mark(2), image)],
            Verdict::Recent,
            vec![&name, &mark(1), &mark(2)],
        ),
        (
            "moved back by a test",
            vec![(&name, image), (&mark(2), image)],
            Verdict::Recent,
            vec![&name, &mark(2)],
        ),
    ] {
        let engine = Moving {
            identity: Identity {
                kind: EngineKind::Docker,
                version: String::new(),
            },
            traffic: Traffic::default(),
            listed: vec![ListedImage {
                id: image,
                references: vec![name.clone(), mark(1)],
            }],
            names: RefCell::new(
                now.into_iter()
                    .map(|(name, image)| (name.clone(), image))
                    .collect(),
            ),
        };
        let manner = PruneManner {
            older_than: Duration::from_secs(1),
            dry_run: false,
        };
        let mut pruned = Vec::new();
        prune(&engine, manner, &mut pruned).await.unwrap();
        let verdicts: Vec<_> = pruned.iter().map(|name| name.verdict.clone()).collect();
        assert_eq!(verdicts, [expected], "{case}");
        let mut left: Vec<_> = left.into_iter().cloned().collect();
        left.sort();
        let names: Vec<_> = engine.names.into_inner().into_keys().collect();
        assert_eq!(names, left, "{case}");
    }
}

#[test]
fn marks_for_one_name_belong_together() {
    let id = Digest::of(b"config");
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let name = |text: &str| -> Reference { text.parse().unwrap() };
    let mark = |seconds, text| Mark::new(at(seconds), id, &name(text)).unwrap();
    let (old, new) = (mark(10, "app:dev"), mark(20, "app:dev"));
    let moved = mark(15, "moved:dev");
    let image = |references: &[Reference]| ListedImage {
        id,
        references: references.to_vec(),
    };
    let images = [
        image(&[
            name("mine:1"),
            old.name().clone(),
            name("app:dev"),
            moved.name().clone(),
            new.name().clone(),
        ]),
        image(&[name("mine:2")]),
        image(&[]),
    ];
    let names = marked_names(&images);
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(names[0].reference, Some(name("app:dev")));
    assert_eq!(names[0].marks, [new, old]);
    assert_eq!(names[0].age(at(30)), Duration::from_secs(10));
    assert_eq!(names[0].shown(), "app:dev");
    assert_eq!(names[1].reference, None);
    assert_eq!(names[1].shown(), moved.name().familiar());
}
