//! The server under a run, and what can happen to it.

use std::sync::LazyLock;
use std::time::Duration;

use messaging::Config;
use servers::{Kafka, KafkaBuilder, KafkaCluster, Nats, Proxy};

use crate::support::pause;

/// What carries the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Kafka,
    Nats,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kafka => "Kafka",
            Self::Nats => "NATS JetStream",
        }
    }
}

/// A server that runs share, or one of a run's own.
pub(crate) enum Server {
    SharedKafka(&'static Kafka),
    SharedNats(&'static Nats),
    Kafka(Box<Kafka>),
    KafkaCluster(KafkaCluster),
    Nats(Box<Nats>, Proxy),
}

/// Gives transactions and members up soon: both settings only bound how long a test waits.
fn kafka() -> KafkaBuilder {
    Kafka::builder()
        .property("transaction.abort.timed.out.transaction.cleanup.interval.ms", "500")
        .property("group.min.session.timeout.ms", "1000")
}

impl Server {
    /// The server of all runs that do it no harm.
    pub(crate) fn shared(kind: Kind) -> Self {
        static KAFKA: LazyLock<Kafka> = LazyLock::new(|| kafka().start());
        match kind {
            Kind::Kafka => Self::SharedKafka(&KAFKA),
            Kind::Nats => Self::SharedNats(Nats::shared()),
        }
    }

    /// A server that may be harmed, behind a proxy that scorers go through.
    pub(crate) fn own(kind: Kind) -> Self {
        match kind {
            Kind::Kafka => Self::Kafka(Box::new(kafka().behind_proxy().start())),
            Kind::Nats => {
                let nats = Nats::start();
                let proxy = Proxy::start(nats.address().parse().unwrap());
                Self::Nats(Box::new(nats), proxy)
            }
        }
    }

    /// A server of the run's own that may be killed. It holds the only copy of everything, and a Kafka that holds the
    /// only copy forgets the ends of transactions when it is killed, from 4.3.0 on (KAFKA-20734): an older one does not.
    pub(crate) fn mortal(kind: Kind) -> Self {
        match kind {
            Kind::Kafka => Self::Kafka(Box::new(kafka().older().behind_proxy().start())),
            Kind::Nats => Self::own(kind),
        }
    }

    /// Three servers of the run's own with a copy of everything on each.
    pub(crate) fn cluster() -> Self {
        Self::KafkaCluster(kafka().start_cluster())
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::SharedKafka(_) | Self::Kafka(_) | Self::KafkaCluster(_) => Kind::Kafka,
            Self::SharedNats(_) | Self::Nats(..) => Kind::Nats,
        }
    }

    /// Where scorers find it.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::SharedKafka(kafka) => kafka.url(),
            Self::SharedNats(nats) => nats.url(),
            Self::Kafka(kafka) => kafka.url(),
            Self::KafkaCluster(cluster) => format!("kafka://{}", cluster.address()),
            Self::Nats(_, proxy) => format!("nats://{}", proxy.address()),
        }
    }

    /// Where witnesses find it: no proxy stands before them.
    fn direct_url(&self) -> String {
        match self {
            Self::SharedKafka(kafka) => format!("kafka://{}", kafka.direct_address()),
            Self::Kafka(kafka) => format!("kafka://{}", kafka.direct_address()),
            Self::KafkaCluster(cluster) => format!("kafka://{}", cluster.direct_address()),
            Self::SharedNats(nats) => nats.url(),
            Self::Nats(nats, _) => nats.url(),
        }
    }

    /// Where a client of Kafka's protocol finds it.
    pub(crate) fn kafka_address(&self) -> String {
        match self {
            Self::SharedKafka(kafka) => kafka.direct_address(),
            Self::Kafka(kafka) => kafka.direct_address(),
            Self::KafkaCluster(cluster) => cluster.direct_address(),
            Self::SharedNats(_) | Self::Nats(..) => panic!("this is NATS"),
        }
    }

    /// How a witness reaches the topics of a run, and how large it makes them: for records of 1 MiB.
    pub(crate) fn witness(&self, name: &str) -> Config {
        Config { max_record_bytes: 1 << 20, ..self.stranger(name) }
    }

    /// The same for a producer with other limits.
    pub(crate) fn stranger(&self, name: &str) -> Config {
        let mut config = Config::new(self.direct_url());
        config.kafka.prefix = format!("{name}.");
        config.kafka.create_topics = true;
        name.clone_into(&mut config.nats.stream);
        name.clone_into(&mut config.nats.prefix);
        config
    }

    /// The process, for a run that may harm it.
    fn process(&self) -> &servers::Server {
        match self {
            Self::Kafka(kafka) => kafka,
            Self::Nats(nats, _) => nats,
            Self::KafkaCluster(_) => panic!("it is of three processes"),
            Self::SharedKafka(_) | Self::SharedNats(_) => panic!("others use this server, too"),
        }
    }

    /// The network between scorers and the server.
    pub(crate) fn network(&self) -> &Proxy {
        match self {
            Self::Kafka(kafka) => kafka.proxy(),
            Self::Nats(_, proxy) => proxy,
            Self::KafkaCluster(_) => panic!("no proxy stands before it"),
            Self::SharedKafka(_) | Self::SharedNats(_) => panic!("others use this server, too"),
        }
    }

    /// `kill -9`, and a restart on the same data.
    pub(crate) fn kill_and_restart(&self) {
        self.process().kill();
        self.process().restart();
    }

    /// `kill -9` of one server of a cluster, which leads a share of the partitions, and a restart on the same data.
    pub(crate) fn kill_and_restart_one(&self, turn: usize) {
        let Self::KafkaCluster(cluster) = self else { panic!("it is not a cluster") };
        let broker = &cluster.brokers()[turn % cluster.brokers().len()];
        broker.kill();
        // The others notice, and go on without it.
        pause(Duration::from_secs(5));
        broker.restart();
    }

    /// Nothing answers (SIGSTOP) for as long as `wait` takes.
    pub(crate) fn pause_during(&self, wait: impl FnOnce()) {
        self.process().pause();
        wait();
        self.process().resume();
    }
}
