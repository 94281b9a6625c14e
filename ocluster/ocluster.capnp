# What OCluster's scheduler speaks, by the ids and ordinals of its own schema: they decide what crosses the wire.
# Declared from facts; compared with the ids in tests/ocluster/test_schema.py.
@0x8378b104cef5b2eb;

struct DockerBuild {
  dockerfile :union {
    contents @0 :Text;
    path @5 :Text;
  }
  pushTarget @1 :Text;
  pushUser @2 :Text;
  pushPassword @3 :Text;
  buildArgs @4 :List(Text);
  squash @6 :Bool;
  buildkit @7 :Bool;
  includeGit @8 :Bool;
}

struct OBuilder {
  spec @0 :Text;
}

struct Custom {
  kind @0 :Text;
  payload @1 :AnyPointer;
}

struct Secret {
  id @0 :Text;
  value @1 :Text;
}

struct JobDescr {
  action :union {
    dockerBuild @0 :DockerBuild;
    obuilder @4 :OBuilder;
    custom @6 :Custom;
  }
  cacheHint @1 :Text;
  repository @2 :Text;
  commits @3 :List(Text);
  secrets @5 :List(Secret);
}

interface Job {
  log @0 (start :Int64) -> (log :Data, next :Int64);
  result @1 () -> (output :Text);
  cancel @2 () -> ();
}

interface Queue {
  pop @0 (job :Job) -> (descr :JobDescr);
  setActive @1 (active :Bool) -> ();
}

struct Metric {
  contentType @0 :Text;
  data @1 :Text;
}

struct AdditionalMetric {
  union {
    metric @0 :Metric;
    notReported @1 :Void;
  }
}

interface Worker {
  enum MetricsSource {
    agent @0;
    host @1;
  }
  metrics @0 (source :MetricsSource) -> (contentType :Text, data :Text);
  selfUpdate @1 () -> ();
  additionalMetric @2 (source :Text) -> (metric :AdditionalMetric);
}

interface Registration {
  register @0 (name :Text, worker :Worker, capacity :Int32) -> (queue :Queue);
}

interface Ticket {
  job @0 () -> (job :Job);
  cancel @1 () -> ();
}

interface Submission {
  submit @0 (pool :Text, descr :JobDescr, urgent :Bool) -> (ticket :Ticket);
}

struct WorkerInfo {
  name @0 :Text;
  active @1 :Bool;
  connected @2 :Bool;
}

interface Progress {
  report @0 (status :Text) -> ();
}

interface PoolAdmin {
  show @0 () -> (state :Text);
  workers @1 () -> (workers :List(WorkerInfo));
  setActive @2 (worker :Text, active :Bool, autoCreate :Bool) -> ();
  worker @3 (worker :Text) -> (worker :Worker);
  update @4 (worker :Text, progress :Progress) -> ();
  setRate @5 (id :Text, rate :Float64) -> ();
  forget @6 (worker :Text) -> ();
  drain @7 (worker :Text, progress :Progress) -> ();
}

interface Admin {
  pools @0 () -> (names :List(Text));
  pool @1 (name :Text) -> (pool :PoolAdmin);
  addClient @2 (id :Text) -> (cap :Submission);
  removeClient @3 (id :Text) -> (cap :Submission);
  listClients @4 () -> (clients :List(Text));
}

# Of capnp-rpc itself (its `persistent.capnp`), without its type parameters.
interface Persistent @0xc8cb212fcd9f5691 {
  save @0 (sealFor :AnyPointer) -> (sturdyRef :AnyPointer);
}
