import GodwitEngine
import GodwitFrontEndKit
import GodwitWire

/// The admin server's own paths. `docs/admin.md` says what each answers.
final class AdminAPI {
  let loop: Loop
  let facts: BrokerFacts
  let limits: AdminLimits
  let taps: TapDesk
  /// What was changed.
  let audit: AuditLog
  /// What is sent back.
  let resends: ResendDesk
  /// Set right after it is made; the server owns the API.
  weak var server: AdminServer?

  var engine: Engine { self.loop.engine }

  /// The paths that protocols contribute.
  let contributed: [AdminRoute]

  init(
    loop: Loop, facts: BrokerFacts, limits: AdminLimits, taps: TapDesk, audit: AuditLog,
    contributed: [AdminRoute]
  ) {
    self.loop = loop
    self.facts = facts
    self.limits = limits
    self.taps = taps
    self.audit = audit
    self.resends = ResendDesk(engine: loop.engine, audit: audit)
    self.contributed = contributed
  }

  /// All of them.
  var endpoints: [AdminEndpoint] {
    self.pages + self.stateEndpoints + self.topicEndpoints + self.streamEndpoints
      + self.groupEndpoints + self.resendEndpoints + self.auditEndpoints
      + self.actionEndpoints
  }

  private var pages: [AdminEndpoint] {
    [
      AdminEndpoint("GET", "/", "the dashboard", .reply { _ in Dashboard.reply }),
      AdminEndpoint(
        "GET", "/healthz", "whether the process is alive",
        .json { _ in AdminResponse(.record(["status": .string("ok")])) }),
      AdminEndpoint(
        "GET", "/readyz", "whether clients are served; 503 while starting and draining",
        .json { [unowned self] _ in self.readiness() }),
      AdminEndpoint(
        "GET", "/metrics", "figures in Prometheus' text format",
        .reply { [unowned self] _ in
          AdminReply(contentType: PrometheusText.contentType, text: self.metricsText())
        }),
    ]
  }

  private var stateEndpoints: [AdminEndpoint] {
    [
      AdminEndpoint(
        "GET", "/api", "this list", .json { [unowned self] _ in AdminResponse(self.indexJSON()) }),
      AdminEndpoint(
        "GET", "/api/overview", "the broker at a glance",
        .json { [unowned self] _ in AdminResponse(self.overview()) }),
      AdminEndpoint(
        "GET", "/api/limits", "bounds, and how much of them is used",
        .json { [unowned self] _ in AdminResponse(self.limitsJSON()) }),
      AdminEndpoint(
        "GET", "/api/connections",
        parameters: ["limit", "offset", "sort", "order", "filter", "protocol"],
        "connections", .json { [unowned self] in self.connections($0) }),
      AdminEndpoint(
        "GET", "/api/connections", takesRest: true, "one connection, by its number",
        .json { [unowned self] in self.connection($0) }),
      AdminEndpoint(
        "GET", "/api/sessions", parameters: ["limit"],
        "sessions of every protocol that has them", .json { [unowned self] in self.sessions($0) }),
      AdminEndpoint(
        "DELETE", "/api/connections", takesRest: true, "disconnects a client, by its number",
        .json { [unowned self] in self.disconnect($0) }),
    ]
  }

  private var topicEndpoints: [AdminEndpoint] {
    [
      AdminEndpoint(
        "GET", "/api/subscriptions",
        parameters: ["tenant", "limit", "filter", "topic", "protocol"],
        "subscriptions; with topic, those that would receive it",
        .json { [unowned self] in self.subscriptions($0) }),
      AdminEndpoint(
        "GET", "/api/retained", parameters: ["tenant", "pattern", "limit"],
        "retained values", .json { [unowned self] in self.retained($0) }),
      AdminEndpoint(
        "DELETE", "/api/retained", parameters: ["tenant", "topic"],
        "forgets a topic's retained value", .json { [unowned self] in self.forget($0) }),
      AdminEndpoint(
        "GET", "/api/topics", parameters: ["limit"],
        "the busiest topics, from a sample", .json { [unowned self] in self.busiest($0) }),
      AdminEndpoint(
        "GET", "/api/names", parameters: ["topic", "protocol", "name"],
        "how a topic is called in each protocol", .json { [unowned self] in self.names($0) }),
    ]
  }

  private var actionEndpoints: [AdminEndpoint] {
    [
      AdminEndpoint(
        "POST", "/api/publish", "publishes a message",
        .json { [unowned self] in self.publish($0) }),
      AdminEndpoint(
        "GET", "/api/tap", parameters: ["pattern", "tenant", "rate"],
        "messages of a pattern as they come, as Server-Sent Events",
        .tap { [unowned self] in self.tap($0) }),
    ]
  }

  // MARK: Answers

  private func readiness() -> AdminResponse {
    let isReady = self.facts.state == .serving
    return AdminResponse(
      .record(["status": .string(isReady ? "ok" : self.facts.state.rawValue)]),
      status: isReady ? 200 : 503)
  }

  private func indexJSON() -> JSONValue {
    let endpoints = self.server?.router.endpoints ?? []
    return .record([
      "name": .string(self.facts.serverName),
      "version": .string(self.facts.version),
      "paths": .array(
        endpoints.map { endpoint in
          .record([
            "method": .string(endpoint.method),
            "path": .string(endpoint.takesRest ? "\(endpoint.path)/…" : endpoint.path),
            "parameters": .array(endpoint.parameters.map { .string($0) }),
            "summary": .string(endpoint.summary),
          ])
        }),
    ])
  }

  /// The tenant that a request is about: `default` unless it says otherwise. Asking makes none.
  func tenant(_ request: AdminRequest) -> Result<Tenant, AdminRefusal> {
    self.tenant(named: request.first("tenant"))
  }

  /// The tenant of that name; `default` for none.
  func tenant(named name: String?) -> Result<Tenant, AdminRefusal> {
    let name = name.flatMap { $0.isEmpty ? nil : $0 } ?? "default"
    if name == "default" { return .success(self.engine.tenant(named: name)) }
    guard let tenant = self.engine.tenants.first(where: { $0.name == name }) else {
      return .failure(AdminRefusal(404, "no such tenant"))
    }
    return .success(tenant)
  }

  private func tap(_ request: AdminRequest) -> Result<TapRequest, AdminRefusal> {
    guard self.taps.hasRoom else {
      return .failure(AdminRefusal(429, "\(self.limits.tapsMax) taps are open already"))
    }
    let rate = request.number("rate", default: 100, max: self.limits.tapRateMax)
    return self.tenant(request).flatMap { tenant in
      TypedTopic.pattern(request.first("pattern") ?? ">", limits: self.engine.limits)
        .map { TapRequest(tenant: tenant, pattern: $0, perSecond: max(1, rate)) }
    }
  }
}
