#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::task::{Context, Poll, Waker};

use uuid::Uuid;

use super::*;

const LIMITS: Limits = Limits { running: 1, of_flow: 4, waiting: 6 };

fn flow(tenant: u128) -> Flow {
    (TenantId::new(Uuid::from_u128(tenant)).unwrap(), Lane::Anyone)
}

type Turn<'q> = std::pin::Pin<Box<dyn Future<Output = Result<Permit, Full>> + 'q>>;

/// Waits in the queue, and returns the computation with its first answer.
fn enter(queue: &Arc<Queue>, flow: Flow) -> (Turn<'_>, Poll<Result<Permit, Full>>) {
    let mut turn: Turn<'_> = Box::pin(queue.turn(flow));
    let answer = poll(&mut turn);
    (turn, answer)
}

fn poll(turn: &mut Turn<'_>) -> Poll<Result<Permit, Full>> {
    turn.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

fn permit(answer: Poll<Result<Permit, Full>>) -> Permit {
    match answer {
        Poll::Ready(Ok(permit)) => permit,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_tenant_waits_for_one_turn_of_another() {
    let queue = Queue::new(LIMITS);
    let running = permit(enter(&queue, flow(1)).1);
    let mut many: Vec<_> = (0..4).map(|_| enter(&queue, flow(1))).collect();
    assert!(many.iter().all(|(_, answer)| answer.is_pending()));
    assert!(matches!(enter(&queue, flow(1)).1, Poll::Ready(Err(Full(4)))), "refused at once");
    let (mut other, answer) = enter(&queue, flow(2));
    assert!(answer.is_pending());
    drop(running);
    let next = permit(poll(&mut other));
    assert!(many.iter_mut().all(|(turn, _)| poll(turn).is_pending()), "one runs at a time");
    drop(next);
    for (turn, _) in &mut many {
        drop(permit(poll(turn)));
    }
    let load = queue.load();
    assert_eq!((load.waiting, load.peak_waiting, load.refused), (0, 5, 1));
    assert_eq!(queue.state().running, 0);
}

/// Tenants that arrive later, each with one computation, do not overtake one that waits.
#[test]
fn new_tenants_do_not_overtake_one_that_waits() {
    let queue = Queue::new(LIMITS);
    let mut running = permit(enter(&queue, flow(1)).1);
    let (mut waiting, _) = enter(&queue, flow(2));
    for tenant in 3..40 {
        let (mut newcomer, _) = enter(&queue, flow(tenant));
        drop(running);
        match poll(&mut waiting) {
            Poll::Ready(answer) => return drop(answer.unwrap()),
            Poll::Pending => running = permit(poll(&mut newcomer)),
        }
    }
    panic!("the second tenant waits for all later ones");
}

#[test]
fn a_full_queue_refuses_the_tenant_with_the_most() {
    let queue = Queue::new(LIMITS);
    let running = permit(enter(&queue, flow(1)).1);
    let mut first: Vec<_> = (0..4).map(|_| enter(&queue, flow(1)).0).collect();
    let mut second: Vec<_> = (0..2).map(|_| enter(&queue, flow(2)).0).collect();
    let (mut third, answer) = enter(&queue, flow(3));
    assert!(answer.is_pending());
    assert!(matches!(poll(&mut first[3]), Poll::Ready(Err(_))), "the last of the longest");
    assert!(first.iter_mut().take(3).chain(&mut second).all(|turn| poll(turn).is_pending()));
    drop(running);
    drop(permit(poll(&mut second[0])));
    drop(permit(poll(&mut third)));
    assert_eq!(queue.load().refused, 1);
}

#[test]
fn a_dropped_computation_leaves_the_queue_and_passes_its_turn_on() {
    let queue = Queue::new(LIMITS);
    let running = permit(enter(&queue, flow(1)).1);
    let (abandoned, _) = enter(&queue, flow(1));
    let (granted, _) = enter(&queue, flow(1));
    let (mut last, _) = enter(&queue, flow(1));
    drop(abandoned);
    assert_eq!(queue.load().waiting, 2);
    drop(running);
    // It has its turn and was not told yet.
    drop(granted);
    drop(permit(poll(&mut last)));
    let state = queue.state();
    assert_eq!(
        (state.running, state.waiting.len(), state.flows.values().map(|flow| flow.waiting).sum()),
        (0, 0, 0)
    );
}

#[test]
fn tenants_without_a_computation_are_forgotten() {
    let queue = Queue::new(Limits { running: 2, ..LIMITS });
    let _busy = permit(enter(&queue, flow(1)).1);
    for tenant in 2..1_000 {
        drop(permit(enter(&queue, flow(tenant)).1));
    }
    assert!(queue.state().flows.len() <= LIMITS.waiting + 1);
}

/// A visitor's logins do not delay the second step of one whose password was right.
#[test]
fn the_lanes_of_a_tenant_take_turns() {
    let queue = Queue::new(LIMITS);
    let running = permit(enter(&queue, flow(1)).1);
    let visitors: Vec<_> = (0..4).map(|_| enter(&queue, flow(1)).0).collect();
    let (mut known, _) = enter(&queue, (flow(1).0, Lane::Known));
    drop(running);
    drop(permit(poll(&mut known)));
    drop(visitors);
    assert_eq!(queue.state().running, 0);
}
