//! Whatever happens, in whatever order: flights do what the [`Model`] says, and nobody hangs.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use proptest::{collection::vec, prelude::*, sample::Index};

use super::{
    Sky, Waiting, Woken,
    model::{End, Model, Seat, Told},
    resource,
};
use crate::flight::{Failure, Joined, Landing, Lead, Role, Turn};

#[derive(Clone, Debug)]
enum Event {
    Join(Role),
    /// All who were woken are polled.
    Run,
    Leave(Index),
    Land(Index),
    Deliver(Index),
    End(Index, End),
    /// Nobody holds any more what landed.
    Release(Index),
    EndLanding(Index),
    Close,
    Advance(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let role = prop_oneof![
        6 => Just(Role::Any),
        1 => Just(Role::Leader),
        2 => Just(Role::Follower),
    ];
    let end = prop_oneof![Just(End::Unshared), Just(End::Failed), Just(End::Cancelled)];
    let any = any::<Index>;
    prop_oneof![
        12 => role.prop_map(Event::Join),
        4 => Just(Event::Run),
        2 => any().prop_map(Event::Leave),
        1 => any().prop_map(Event::Land),
        1 => any().prop_map(Event::Deliver),
        5 => (any(), end).prop_map(|(index, end)| Event::End(index, end)),
        1 => any().prop_map(Event::Release),
        1 => any().prop_map(Event::EndLanding),
        1 => Just(Event::Close),
        3 => prop_oneof![1..25_u64, Just(10)].prop_map(Event::Advance),
    ]
}

struct Run {
    sky: Sky,
    model: Model,
    followers: BTreeMap<u32, Waiting>,
    leads: Vec<(Seat, Lead<u32>)>,
    landings: Vec<Landed>,
    numbers: u32,
    /// In which flight something landed.
    origins: BTreeMap<u32, usize>,
}

struct Landed {
    flight: usize,
    number: u32,
    landed: Option<Arc<u32>>,
    landing: Option<Landing<u32>>,
}

impl Run {
    fn new(leaders: u32, followers: usize) -> Self {
        let mut sky = Sky::with_leaders(leaders);
        sky.limits.followers = followers;
        Self {
            model: Model::new(sky.limits),
            sky,
            followers: BTreeMap::new(),
            leads: Vec::new(),
            landings: Vec::new(),
            numbers: 0,
            origins: BTreeMap::new(),
        }
    }

    fn number(&mut self) -> u32 {
        self.numbers += 1;
        self.numbers
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::Join(role) => self.join(*role),
            Event::Run => self.run(),
            Event::Leave(index) => self.leave(index),
            Event::Land(index) => self.land(index, true),
            Event::Deliver(index) => self.land(index, false),
            Event::End(index, end) => self.end(index, *end),
            Event::Release(index) => self.release(index),
            Event::EndLanding(index) => self.end_landing(index),
            Event::Close => {
                self.sky.flights.close(&resource());
                self.model.close();
            }
            Event::Advance(seconds) => {
                self.run();
                self.sky.clock.advance(Duration::from_secs(*seconds));
                self.model.advance(*seconds);
                self.run();
            }
        }
        self.model.check();
        // Woken is who has been given something, and nobody else.
        for (number, waiting) in &self.followers {
            let woken = waiting.woken.0.load(std::sync::atomic::Ordering::Relaxed) > 0;
            assert_eq!(woken, self.model.given.contains_key(number), "{number}");
        }
    }

    fn join(&mut self, role: Role) {
        let number = self.number();
        let landings = &self.landings;
        let told = self.model.join(number, role, |landed| {
            let mut held = landings.iter().filter(|held| held.landed.is_some());
            held.any(|held| held.number == landed)
        });
        match (told, self.sky.join(role)) {
            (Told::Lead(seat), Joined::Lead(lead)) => self.leads.push((seat, lead)),
            (Told::Landed(told), Joined::Landed(landed)) => {
                assert_eq!(told, *landed);
                assert!(!self.model.is_closed(self.origins[&told]));
            }
            (Told::Alone, Joined::Alone) => {}
            (Told::Follow, Joined::Follow(follower)) => {
                let woken = Arc::<Woken>::default();
                self.followers.insert(number, Waiting { follower, woken });
                self.poll(number);
            }
            (told, joined) => panic!("{told:?}, not to {}", super::joined(&joined)),
        }
    }

    fn run(&mut self) {
        let numbers: Vec<u32> = self.followers.keys().copied().collect();
        for number in numbers {
            if self.followers[&number].is_woken() {
                self.poll(number);
            }
        }
    }

    fn poll(&mut self, number: u32) {
        let follower = self.followers.get_mut(&number).expect("it is there");
        let turn = follower.poll();
        let given = self.model.given.remove(&number);
        match (given, turn) {
            (None, None) => return,
            (Some((_, Told::Lead(seat))), Some(Turn::Lead(lead))) => self.leads.push((seat, lead)),
            (Some((flight, Told::Landed(told))), Some(Turn::Landed(landed))) => {
                assert_eq!(told, *landed);
                assert_eq!(self.origins[&told], flight, "of another flight");
            }
            (Some((flight, Told::Failed(told))), Some(Turn::Failed(failure))) => {
                assert_eq!(told, failure);
                let leaders = self.sky.limits.leaders;
                assert!(failure == Failure::TimedOut || self.model.failures(flight) == leaders);
            }
            (Some((_, Told::Alone)), Some(Turn::Alone)) => {}
            (given, turn) => panic!("{number} was to get {given:?}, not {turn:?}"),
        }
        self.followers.remove(&number);
    }

    fn leave(&mut self, index: &Index) {
        if !self.followers.is_empty() {
            let all: Vec<u32> = self.followers.keys().copied().collect();
            let number = *index.get(&all);
            self.model.leave(number);
            self.followers.remove(&number);
        }
    }

    fn take_lead(&mut self, index: &Index) -> Option<(Seat, Lead<u32>)> {
        let leads = self.leads.len();
        (leads > 0).then(|| self.leads.remove(index.index(leads)))
    }

    fn land(&mut self, index: &Index, stays: bool) {
        let Some((seat, lead)) = self.take_lead(index) else {
            return;
        };
        let number = self.number();
        let (flight, landed) = (seat.0, Arc::new(number));
        self.origins.insert(number, flight);
        let expected = self.model.land(seat, number, stays);
        let landing = if stays {
            lead.land(&landed, None)
        } else {
            lead.deliver(&landed);
            None
        };
        assert_eq!(landing.is_some(), expected);
        let landed = Some(landed);
        self.landings.push(Landed {
            flight,
            number,
            landed,
            landing,
        });
    }

    fn end(&mut self, index: &Index, end: End) {
        let Some((seat, lead)) = self.take_lead(index) else {
            return;
        };
        let given = self.model.given.len();
        self.model.end(seat, end);
        match end {
            End::Unshared => {
                lead.unshared();
                let waiting = self.model.given.values();
                let leads = waiting.filter(|(_, told)| matches!(told, Told::Lead(_)));
                assert!(leads.count() <= given + 2, "two for one");
            }
            End::Failed => lead.failed(Failure::Failed),
            End::Cancelled => drop(lead),
        }
    }

    fn release(&mut self, index: &Index) {
        self.run();
        if !self.landings.is_empty() {
            let landing = index.index(self.landings.len());
            self.landings[landing].landed = None;
        }
    }

    fn end_landing(&mut self, index: &Index) {
        if !self.landings.is_empty() {
            let landed = self.landings.remove(index.index(self.landings.len()));
            if landed.landing.is_some() {
                self.model.landing_ended(landed.flight);
            }
        }
    }

    /// Whoever still waits gets something as soon as all who lead have ended.
    fn over(mut self) {
        self.run();
        while let Some((seat, lead)) = self.leads.pop() {
            self.model.end(seat, End::Cancelled);
            drop(lead);
            self.run();
        }
        assert!(self.followers.is_empty(), "somebody hangs");
        self.landings.clear();
        assert!(self.sky.flights.is_empty());
        assert_eq!(self.sky.clock.pending_timers(), 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_is_what_the_model_says_and_nobody_hangs(
        leaders in 1..4_u32,
        followers in prop_oneof![Just(3_usize), Just(1000)],
        events in vec(event(), 1..80),
    ) {
        let mut run = Run::new(leaders, followers);
        events.iter().for_each(|event| run.apply(event));
        run.over();
    }
}
