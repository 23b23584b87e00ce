//! The queue for slow computations: bounded, and fair by tenant.
//!
//! Start-time fair queuing: the n-th waiting computation of a flow starts n turns after the present one, so that a flow
//! with one computation waits for one turn of each other flow, however many computations those have.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::tenant::TenantId;

/// The callers of a tenant who share its turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::auth) enum Lane {
    /// Anyone who can reach the login page.
    Anyone,
    /// Those who have proved who they are: by a right password, a session or a device that has logged in before.
    Known,
}

type Flow = (TenantId, Lane);

/// The place in the queue: the turn, and the order of arrival within the turn.
type Place = (u64, u64);

/// The largest numbers of running and of waiting computations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) running: usize,
    pub(super) of_flow: usize,
    pub(super) waiting: usize,
}

#[derive(Debug)]
pub(super) struct Queue {
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    /// The turn of the computation that started last.
    turn: u64,
    arrivals: u64,
    /// The dropped sender of a displaced computation refuses it.
    waiting: BTreeMap<Place, (Flow, oneshot::Sender<Permit>)>,
    flows: HashMap<Flow, FlowState>,
    peak_waiting: usize,
    refused: usize,
}

#[derive(Debug, Clone, Copy)]
struct FlowState {
    next_turn: u64,
    waiting: usize,
}

/// The numbers of a queue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) waiting: usize,
    pub(super) peak_waiting: usize,
    pub(super) refused: usize,
}

/// The right to run a computation. When it is dropped, the next computation gets it.
#[derive(Debug)]
pub(super) struct Permit(Arc<Queue>);

/// The queue is full: the number of computations of the flow that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full(pub(super) usize);

impl Queue {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::default() })
    }

    /// Waits for a turn of a flow. Refuses at once if the queue is full.
    pub(super) async fn turn(self: &Arc<Self>, flow: Flow) -> Result<Permit, Full> {
        let (place, receiver) = {
            let mut state = self.state();
            if state.running < self.limits.running && state.waiting.is_empty() {
                state.start_now(flow, self.limits);
                return Ok(Permit(Arc::clone(self)));
            }
            state.wait(flow, self.limits)?
        };
        let mut waiting = Waiting { queue: self, place: Some(place) };
        let permit = receiver.await;
        waiting.place = None;
        permit.map_err(|_| Full(self.limits.of_flow))
    }

    pub(super) fn load(&self) -> Load {
        let state = self.state();
        Load { waiting: state.waiting.len(), peak_waiting: state.peak_waiting, refused: state.refused }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes the next turn of a flow.
    fn next_turn(&mut self, flow: Flow) -> u64 {
        let now = self.turn;
        let state = self.flows.entry(flow).or_insert(FlowState { next_turn: now, waiting: 0 });
        let turn = state.next_turn.max(now);
        state.next_turn = turn + 1;
        turn
    }

    fn start_now(&mut self, flow: Flow, limits: Limits) {
        self.turn = self.next_turn(flow);
        self.running += 1;
        self.forget_idle_flows(limits);
    }

    fn wait(&mut self, flow: Flow, limits: Limits) -> Result<(Place, oneshot::Receiver<Permit>), Full> {
        let before = self.flows.get(&flow).copied();
        let waiting = before.map_or(0, |state| state.waiting);
        let turn = before.map_or(self.turn, |state| state.next_turn.max(self.turn));
        if waiting >= limits.of_flow || (self.waiting.len() >= limits.waiting && !self.displace(turn)) {
            self.refused += 1;
            return Err(Full(waiting));
        }
        let turn = self.next_turn(flow);
        if let Some(state) = self.flows.get_mut(&flow) {
            state.waiting += 1;
        }
        self.arrivals += 1;
        let (place, (sender, receiver)) = ((turn, self.arrivals), oneshot::channel());
        self.waiting.insert(place, (flow, sender));
        self.peak_waiting = self.peak_waiting.max(self.waiting.len());
        Ok((place, receiver))
    }

    /// Refuses the computation with the latest turn, if that is later than a given turn.
    fn displace(&mut self, turn: u64) -> bool {
        let Some(last) = self.waiting.last_key_value().map(|(place, _)| *place) else { return false };
        if last.0 <= turn {
            return false;
        }
        self.refused += 1;
        self.remove(last).is_some()
    }

    fn remove(&mut self, place: Place) -> Option<(Flow, oneshot::Sender<Permit>)> {
        let (flow, sender) = self.waiting.remove(&place)?;
        if let Some(state) = self.flows.get_mut(&flow) {
            state.waiting -= 1;
            // The last turn of the flow is free again.
            if state.next_turn == place.0 + 1 {
                state.next_turn = place.0;
            }
        }
        Some((flow, sender))
    }

    fn next(&mut self, limits: Limits) -> Option<oneshot::Sender<Permit>> {
        let place = self.waiting.first_key_value().map(|(place, _)| *place)?;
        let (flow, sender) = self.waiting.remove(&place)?;
        self.turn = self.turn.max(place.0);
        if let Some(state) = self.flows.get_mut(&flow) {
            state.waiting -= 1;
        }
        self.forget_idle_flows(limits);
        Some(sender)
    }

    /// Forgets the flows whose turns are over. Anyone can name any number of tenants, so that without waiting computations
    /// the others are forgotten, too, when there are many.
    fn forget_idle_flows(&mut self, limits: Limits) {
        let (now, is_crowded) = (self.turn, self.flows.len() > limits.waiting);
        self.flows.retain(|_, state| state.waiting > 0 || (state.next_turn > now && !is_crowded));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let next = {
            let mut state = self.0.state();
            let next = state.next(self.0.limits);
            if next.is_none() {
                state.running -= 1;
            }
            next
        };
        // A receiver that is gone drops the permit again, which passes it on.
        if let Some(sender) = next {
            drop(sender.send(Self(Arc::clone(&self.0))));
        }
    }
}

/// A waiting computation, which leaves the queue when its future is dropped.
struct Waiting<'q> {
    queue: &'q Queue,
    place: Option<Place>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let removed = self.place.and_then(|place| self.queue.state().remove(place));
        drop(removed);
    }
}

#[cfg(test)]
mod tests;
