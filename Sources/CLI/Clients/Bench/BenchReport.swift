import GodwitWire
import MQTTWire

/// Says what a measurement found.
struct BenchReport: Sendable {
  /// What came out.
  var outcome: BenchRun.Outcome
  /// Where it was measured.
  var address: ServerAddress
  /// The colours.
  var style = TextStyle(hasColours: false)
  /// Whether the terminal shows block characters.
  var showsBlocks = true

  /// One direction's figures.
  private struct Flow {
    var name: String
    var count: Int
    var seconds: Double
    var bytes: Int

    var perSecond: Double { self.seconds > 0 ? Double(self.count) / self.seconds : 0 }
    var bytesPerSecond: Double { self.perSecond * Double(self.bytes) }
  }

  private static let quantiles: [(name: String, share: Double)] = [
    ("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999),
  ]

  private var latencies: LatencyHistogram? {
    self.outcome.publishers.latencies ?? self.outcome.subscribers.latencies
  }

  private var flows: [Flow] {
    let plan = self.outcome.plan
    let publishers = self.outcome.publishers
    let subscribers = self.outcome.subscribers
    func seconds(_ start: UInt64?, _ end: UInt64?) -> Double {
      guard let start, let end, end > start else { return 0 }
      return Double(end - start) / 1e9
    }
    let sent = Flow(
      name: "published", count: publishers.published,
      seconds: seconds(publishers.firstPublished, publishers.lastPublished), bytes: plan.size)
    // From the first publish on, where we know it: else a single burst would look like no time.
    let received = Flow(
      name: "received", count: subscribers.received,
      seconds: seconds(
        publishers.firstPublished ?? subscribers.firstReceived, subscribers.lastReceived),
      bytes: plan.size)
    switch plan.mode {
    case .pub: return [sent]
    case .sub: return [received]
    case .pubsub: return [sent, received]
    case .request:
      let answered = Flow(
        name: "answered", count: publishers.received,
        seconds: seconds(publishers.firstPublished, publishers.lastReceived), bytes: plan.size)
      return [answered]
    }
  }

  private var title: String {
    let plan = self.outcome.plan
    var parts = ["\(self.address.language.rawValue) at \(self.address)"]
    parts.append("\(Figures.grouped(plan.size)) B")
    if plan.qos != .atMostOnce {
      parts.append("QoS \(plan.qos.rawValue), \(plan.inFlight) in flight")
    }
    switch plan.mode {
    case .pub: parts.append(Figures.counted(plan.publishers, "publisher"))
    case .sub: parts.append(Figures.counted(plan.subscribers, "subscriber"))
    case .pubsub:
      parts.append(Figures.counted(plan.publishers, "publisher"))
      parts.append(Figures.counted(plan.subscribers, "subscriber"))
    case .request:
      let clients = Figures.counted(plan.publishers, "client")
      parts.append(plan.qos == .atMostOnce ? "\(clients), \(plan.inFlight) in flight" : clients)
    }
    if let group = plan.group { parts.append("group \(group)") }
    if let rate = plan.rate { parts.append("\(Figures.grouped(Int(rate))) msg/s asked for") }
    return parts.joined(separator: " · ")
  }

  /// The report for people.
  var lines: [String] {
    var lines = [self.style(.strong, self.title), ""]
    for flow in self.flows {
      let count = Figures.column(Figures.grouped(flow.count), 13, right: true)
      let rate = Figures.column(Figures.grouped(Int(flow.perSecond)), 12, right: true)
      let bytes = Figures.column(Figures.bytes(flow.bytesPerSecond) + "/s", 12, right: true)
      let seconds = Figures.threeDigits(flow.seconds)
      lines.append(
        "  \(Figures.column(flow.name, 9)) \(count) \(rate) msg/s \(bytes)   in \(seconds) s")
    }
    if self.outcome.lost > 0 {
      lines.append(
        "  \(Figures.column("lost", 9)) "
          + self.style(.bad, Figures.column(Figures.grouped(self.outcome.lost), 13, right: true)))
    }
    guard let latencies = self.latencies else { return lines }
    lines.append("")
    lines.append("  latency   " + self.figures(of: latencies))
    lines.append("")
    lines += HistogramDrawing(style: self.style, showsBlocks: self.showsBlocks).lines(latencies)
    if self.outcome.plan.rate == nil, self.outcome.plan.mode == .pubsub {
      lines.append("")
      lines.append(
        self.style(.quiet, "  At full speed most of that is waiting in queues; see --rate."))
    }
    return lines
  }

  private func figures(of latencies: LatencyHistogram) -> String {
    var parts = Self.quantiles.map {
      "\(self.style(.quiet, $0.name)) "
        + Figures.duration(nanoseconds: latencies.quantile($0.share))
    }
    parts.append("\(self.style(.quiet, "max")) \(Figures.duration(nanoseconds: latencies.max))")
    return parts.joined(separator: "   ")
  }

  /// The report for machines.
  var json: [UInt8] {
    let plan = self.outcome.plan
    var writer = JSONWriter()
    writer.object {
      $0.member("mode", plan.mode.rawValue)
      $0.member("protocol", self.address.language.rawValue.lowercased())
      $0.member("server", self.address.description)
      $0.member("topic", plan.topic)
      $0.member("size_bytes", plan.size)
      $0.member("publishers", plan.mode == .sub ? 0 : plan.publishers)
      $0.member("subscribers", plan.mode == .pub || plan.mode == .request ? 0 : plan.subscribers)
      if let group = plan.group { $0.member("group", group) }
      if let rate = plan.rate { $0.member("rate_asked", rate) }
      $0.member("qos", plan.qos.rawValue)
      if plan.mode == .request || plan.qos != .atMostOnce {
        $0.member("in_flight", plan.inFlight)
      }
      $0.member("interrupted", self.outcome.wasInterrupted)
      for flow in self.flows {
        $0.object(flow.name) {
          $0.member("count", flow.count)
          $0.member("seconds", flow.seconds)
          $0.member("messages_per_second", flow.perSecond)
          $0.member("bytes_per_second", flow.bytesPerSecond)
        }
      }
      $0.member("lost", self.outcome.lost)
      guard let latencies = self.latencies else { return }
      $0.object("latency_ns") {
        $0.member("count", latencies.count)
        $0.member("min", latencies.min)
        $0.member("mean", latencies.mean)
        for quantile in Self.quantiles {
          $0.member(quantile.name, latencies.quantile(quantile.share))
        }
        $0.member("max", latencies.max)
        $0.array("doublings") { list in
          for row in latencies.doublings {
            list.object {
              $0.member("from", row.floor)
              $0.member("count", row.count)
            }
          }
        }
      }
    }
    return writer.bytes + [UInt8(ascii: "\n")]
  }
}
