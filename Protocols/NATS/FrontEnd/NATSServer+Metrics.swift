public import GodwitFrontEndKit

extension NATSServer {
  /// Figures for `/metrics`.
  public var metrics: [Metric] {
    let traffic = self.traffic
    let statistics = self.statistics
    func counter(_ name: String, _ help: String, _ value: UInt64) -> Metric {
      Metric("godwit_nats_\(name)_total", help, .counter, Double(value))
    }
    return [
      Metric(
        "godwit_nats_connections", "NATS connections that stand.", .gauge,
        Double(self.sessions.count)),
      counter("connections", "NATS connections there ever were.", statistics.connections),
      counter("connections_refused", "NATS connections over the limit.", statistics.refused),
      counter("messages_in", "Messages that NATS clients published.", traffic.messagesIn),
      counter("messages_out", "Messages delivered to NATS clients.", traffic.messagesOut),
      counter("bytes_in", "Bytes of those published, headers included.", traffic.bytesIn),
      counter("bytes_out", "Bytes of those delivered.", traffic.bytesOut),
      counter(
        "slow_consumers", "NATS clients cut because they did not read.", statistics.slowConsumers),
      counter(
        "stale_connections", "NATS clients cut because they did not answer PING.",
        statistics.staleConnections),
      counter(
        "authentication_failures", "NATS clients that did not prove who they are.",
        statistics.authenticationFailures),
      counter(
        "permission_violations", "NATS operations that were not permitted.",
        statistics.permissionViolations),
      counter(
        "protocol_errors", "NATS connections ended because of what they sent.",
        statistics.protocolErrors),
    ]
  }
}
