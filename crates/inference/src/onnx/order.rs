//! Which nodes the outputs need, in an order in which each finds its inputs computed.

use std::collections::HashMap;

use super::proto::Graph;
use crate::error::shorten;

/// The positions of the nodes that `outputs` need. The order of the file is not trusted: a cycle is found here.
pub(super) fn order<'b>(graph: &Graph<'b>, outputs: &[&'b str]) -> Result<Vec<usize>, String> {
    let producers = producers(graph)?;
    let mut walk = Walk { graph, producers, state: vec![State::New; graph.nodes.len()], order: Vec::new() };
    for output in outputs {
        if let Some(node) = walk.producers.get(output).copied() {
            walk.visit(node)?;
        }
    }
    Ok(walk.order)
}

/// Which node gives each value.
fn producers<'b>(graph: &Graph<'b>) -> Result<HashMap<&'b str, usize>, String> {
    let mut producers = HashMap::new();
    for (at, node) in graph.nodes.iter().enumerate() {
        for output in node.outputs.iter().filter(|output| !output.is_empty()) {
            if producers.insert(*output, at).is_some() {
                return Err(format!("two nodes give `{}`", shorten(output)));
            }
        }
    }
    Ok(producers)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Open,
    Done,
}

struct Walk<'g, 'b> {
    graph: &'g Graph<'b>,
    producers: HashMap<&'b str, usize>,
    state: Vec<State>,
    order: Vec<usize>,
}

impl Walk<'_, '_> {
    /// Visits a node behind all those that it needs, without recursion: a file may nest as deep as it likes.
    fn visit(&mut self, node: usize) -> Result<(), String> {
        let mut path = vec![(node, 0)];
        while let Some((node, next)) = path.last_mut() {
            let at = *node;
            if *next == 0 && self.state[at] == State::Done {
                path.pop();
                continue;
            }
            self.state[at] = State::Open;
            let Some(input) = self.graph.nodes[at].inputs.get(*next) else {
                self.state[at] = State::Done;
                self.order.push(at);
                path.pop();
                continue;
            };
            *next += 1;
            match self.producers.get(input) {
                Some(producer) if self.state[*producer] == State::Open => {
                    return Err(format!("it has a cycle: `{}` depends on itself", shorten(input)));
                }
                Some(producer) if self.state[*producer] == State::New => path.push((*producer, 0)),
                _ => {}
            }
        }
        Ok(())
    }
}
