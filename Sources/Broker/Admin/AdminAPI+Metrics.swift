import GodwitEngine
import GodwitFrontEndKit

extension AdminAPI {
  /// `GET /metrics`
  func metricsText() -> String {
    var text = PrometheusText()
    for metric in self.serverMetrics() + self.engineMetrics() + self.connectionMetrics()
      + self.tenantMetrics() + self.passwordMetrics() + self.processMetrics() + self.adminMetrics()
    {
      text.add(metric)
    }
    for frontEnd in self.facts.frontEnds {
      for metric in frontEnd.metrics { text.add(metric) }
    }
    return text.text
  }

  private func serverMetrics() -> [Metric] {
    [
      Metric(
        "godwit_build_info", "The version that runs; the value is always 1.", .gauge,
        samples: [([("version", self.facts.version)], 1)]),
      Metric(
        "godwit_ready", "Whether clients are served.", .gauge,
        self.facts.state == .serving ? 1 : 0),
      Metric(
        "godwit_uptime_seconds", "Seconds since the broker started.", .gauge,
        Double(self.engine.now - self.facts.startedAt) / 1_000_000_000),
    ]
  }

  private func passwordMetrics() -> [Metric] {
    [
      Metric(
        "godwit_passwords_waiting", "Passwords that wait to be checked.", .gauge,
        Double(self.facts.passwords?.waiting ?? 0)),
      Metric(
        "godwit_passwords_turned_away_total",
        "Log-ins refused because too many passwords waited to be checked.", .counter,
        Double(self.facts.passwords?.turnedAway ?? 0)),
    ]
  }

  private func engineMetrics() -> [Metric] {
    let counters = self.engine.counters
    return [
      Metric(
        "godwit_published_messages_total", "Messages that came in, by any protocol.", .counter,
        Double(counters.published)),
      Metric(
        "godwit_delivered_messages_total", "Messages handed to a receiver.", .counter,
        Double(counters.delivered)),
      Metric(
        "godwit_unrouted_messages_total", "Messages that had no receiver.", .counter,
        Double(counters.unrouted)),
      Metric(
        "godwit_expired_messages_total", "Messages dropped because their time had passed.",
        .counter, Double(counters.expired)),
      Metric(
        "godwit_dropped_messages_total", "Messages that a receiver could not take.", .counter,
        Double(counters.dropped)),
      Metric(
        "godwit_dropped_properties_total",
        "Message properties that another protocol could not express.", .counter,
        Double(counters.droppedProperties)),
      Metric(
        "godwit_stored_bytes", "Bytes in queues, retained and delayed messages.", .gauge,
        Double(self.engine.memory.used)),
      Metric(
        "godwit_stored_limit_bytes", "The bound on godwit_stored_bytes.", .gauge,
        Double(self.engine.memory.limit)),
      Metric(
        "godwit_stored_refusals_total", "Messages not kept because the bound was reached.",
        .counter, Double(self.engine.memory.refusals)),
    ]
  }

  private func connectionMetrics() -> [Metric] {
    let totals = self.protocolTotals()
    func perProtocol(
      _ name: String, _ help: String, _ kind: Metric.Kind,
      _ value: (ConnectionTotals) -> Double
    ) -> Metric {
      Metric(
        name, help, kind, samples: totals.map { ([("protocol", $0.name)], value($0.totals)) })
    }
    let ended = totals.flatMap { name, totals in
      totals.ended.sorted { $0.key < $1.key }.map {
        (labels: [("protocol", name), ("reason", $0.key)], value: Double($0.value))
      }
    }
    return [
      perProtocol("godwit_connections", "Connections that stand.", .gauge) { Double($0.open) },
      perProtocol("godwit_connections_opened_total", "Connections that were accepted.", .counter) {
        Double($0.opened)
      },
      Metric(
        "godwit_connections_ended_total", "Connections that ended, by reason.", .counter,
        samples: ended),
      Metric(
        "godwit_connections_refused_total", "Connections refused because there were too many.",
        .counter, Double(self.loop.connections.refused)),
      perProtocol("godwit_connection_received_messages_total", "Messages received.", .counter) {
        Double($0.counters.messagesIn)
      },
      perProtocol("godwit_connection_sent_messages_total", "Messages sent.", .counter) {
        Double($0.counters.messagesOut)
      },
      perProtocol("godwit_connection_received_bytes_total", "Bytes received.", .counter) {
        Double($0.counters.bytesIn)
      },
      perProtocol("godwit_connection_sent_bytes_total", "Bytes sent.", .counter) {
        Double($0.counters.bytesOut)
      },
      perProtocol(
        "godwit_connection_dropped_messages_total",
        "Messages dropped because the client was too slow.", .counter
      ) { Double($0.counters.dropped) },
      perProtocol("godwit_connection_pending_bytes", "Bytes that wait to be sent.", .gauge) {
        Double($0.pendingBytes)
      },
      perProtocol(
        "godwit_connections_stuck", "Connections whose sending makes no progress.", .gauge
      ) { Double($0.stuck) },
    ]
  }

  private func tenantMetrics() -> [Metric] {
    let tenants = self.engine.tenants.sorted { $0.name < $1.name }.prefix(self.limits.rowsMax)
    func perTenant(
      _ name: String, _ help: String, _ kind: Metric.Kind, _ value: (Tenant) -> Double
    ) -> Metric {
      Metric(name, help, kind, samples: tenants.map { ([("tenant", $0.name)], value($0)) })
    }
    return [
      perTenant("godwit_subscriptions", "Live subscriptions.", .gauge) {
        Double($0.router.subscriptionCount)
      },
      perTenant("godwit_retained_messages", "Topics with a retained value.", .gauge) {
        Double($0.retained.count)
      },
      perTenant("godwit_retained_bytes", "Bytes of retained values.", .gauge) {
        Double($0.retained.byteCount)
      },
      perTenant(
        "godwit_dead_letters_total", "Records that groups gave up, and that were kept.", .counter
      ) {
        Double($0.deadLetters.count)
      },
      perTenant(
        "godwit_dead_letter_failures_total",
        "Dead letters that could not be kept, and were tried again.", .counter
      ) {
        Double($0.deadLetters.failures)
      },
      perTenant("godwit_scheduled_messages", "Messages to be published later.", .gauge) {
        Double($0.schedule.count)
      },
      perTenant("godwit_router_cache_hits_total", "Topics found in the match cache.", .counter) {
        Double($0.router.cacheHits)
      },
      perTenant("godwit_router_cache_misses_total", "Topics matched anew.", .counter) {
        Double($0.router.cacheMisses)
      },
      perTenant("godwit_router_cached_topics", "Topics in the match cache.", .gauge) {
        Double($0.router.rememberedTopics)
      },
      perTenant("godwit_subscriptions_added_total", "Subscriptions ever added.", .counter) {
        Double($0.router.inserts)
      },
      perTenant("godwit_subscriptions_removed_total", "Subscriptions ever removed.", .counter) {
        Double($0.router.removes)
      },
    ]
  }

  private func processMetrics() -> [Metric] {
    let process = ProcessFigures.now()
    return [
      Metric(
        "process_cpu_seconds_total", "Processor time, user and system.", .counter,
        process.cpuSeconds),
      Metric(
        "process_resident_memory_bytes", "Resident memory.", .gauge,
        Double(process.residentBytes)),
      Metric(
        "process_virtual_memory_bytes", "Address space.", .gauge, Double(process.virtualBytes)),
      Metric("process_open_fds", "Open files and sockets.", .gauge, Double(process.openFiles)),
      Metric(
        "process_max_fds", "How many files and sockets may be open.", .gauge,
        Double(process.openFilesMax)),
      Metric("process_threads", "Threads of the process.", .gauge, Double(process.threads)),
      Metric(
        "process_start_time_seconds", "When the process started, in seconds since 1970.", .gauge,
        Double(self.facts.startedAt / 1_000_000) / 1_000),
    ]
  }

  private func adminMetrics() -> [Metric] {
    [
      Metric(
        "godwit_admin_connections", "Connections to the admin server.", .gauge,
        Double(self.server?.connectionCount ?? 0)),
      Metric(
        "godwit_admin_requests_total", "Requests that the admin server answered.", .counter,
        Double(self.server?.requests ?? 0)),
      Metric(
        "godwit_admin_refusals_total", "Requests that the admin server refused.", .counter,
        Double(self.server?.refusals ?? 0)),
      Metric("godwit_admin_taps", "Live taps that are open.", .gauge, Double(self.taps.count)),
      Metric(
        "godwit_admin_tap_messages_total", "Messages that live taps met.", .counter,
        samples: [
          ([("outcome", "shown")], Double(self.taps.shown)),
          ([("outcome", "left_out")], Double(self.taps.leftOut)),
        ]),
    ]
  }
}
