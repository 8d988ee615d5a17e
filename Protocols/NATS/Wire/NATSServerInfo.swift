import GodwitWire

/// The fields of INFO: what a server tells its clients.
public struct NATSServerInfo: Hashable, Sendable {
  /// The server's unique identifier.
  public var serverID = ""
  /// The server's name.
  public var serverName = ""
  /// The version of nats-server whose behaviour clients may expect.
  public var version = ""
  /// The protocol version; 1 allows INFO at any time.
  public var proto = 1
  /// The source revision.
  public var gitCommit = ""
  /// The runtime; clients only show it.
  public var go = ""
  /// The address clients connect to.
  public var host = ""
  /// The port clients connect to.
  public var port = 0
  /// Whether headers are supported.
  public var headers = true
  /// Whether CONNECT must carry credentials.
  public var authRequired = false
  /// Whether the client must begin TLS.
  public var tlsRequired = false
  /// Whether the client must present a certificate.
  public var tlsVerify = false
  /// Whether the client may begin TLS.
  public var tlsAvailable = false
  /// Most bytes of a message, headers included.
  public var maxPayload = 1 << 20
  /// Whether JetStream is there.
  public var jetStream = false
  /// The connection's number.
  public var clientID: UInt64 = 0
  /// The client's address as the server sees it.
  public var clientIP = ""
  /// What an nkey user must sign.
  public var nonce = ""
  /// The cluster's name.
  public var cluster = ""
  /// Further `host:port` a client may connect to.
  public var connectURLs: [String] = []
  /// The same for WebSocket.
  public var webSocketConnectURLs: [String] = []
  /// Whether the server is about to stop and clients should move.
  public var lameDuckMode = false
  /// Whether this INFO answers CONNECT.
  public var connectInfo = false
  /// The account the client belongs to; only in the INFO that answers CONNECT.
  public var remoteAccount = ""
  /// Whether that account is the system account.
  public var isSystemAccount = false

  /// Makes an INFO with default values.
  public init() {}

  /// Reads the JSON of an INFO.
  ///
  /// - Throws: `NATSWireError` with code `malformedJSON`.
  public init(parsing json: UnsafeRawBufferPointer) throws(NATSWireError) {
    let fields = try NATSJSONFields(json)
    self.headers = false
    try fields.read("server_id", &self.serverID)
    try fields.read("server_name", &self.serverName)
    try fields.read("version", &self.version)
    try fields.read("proto", &self.proto)
    try fields.read("git_commit", &self.gitCommit)
    try fields.read("go", &self.go)
    try fields.read("host", &self.host)
    try fields.read("port", &self.port)
    try fields.read("headers", &self.headers)
    try fields.read("auth_required", &self.authRequired)
    try fields.read("tls_required", &self.tlsRequired)
    try fields.read("tls_verify", &self.tlsVerify)
    try fields.read("tls_available", &self.tlsAvailable)
    try fields.read("max_payload", &self.maxPayload)
    try fields.read("jetstream", &self.jetStream)
    try fields.read("client_id", &self.clientID)
    try fields.read("client_ip", &self.clientIP)
    try fields.read("nonce", &self.nonce)
    try fields.read("cluster", &self.cluster)
    try fields.read("connect_urls", &self.connectURLs)
    try fields.read("ws_connect_urls", &self.webSocketConnectURLs)
    try fields.read("ldm", &self.lameDuckMode)
    try fields.read("connect_info", &self.connectInfo)
    try fields.read("remote_account", &self.remoteAccount)
    try fields.read("acc_is_sys", &self.isSystemAccount)
  }

  /// The fields as compact JSON in nats-server's order; fields it omits when empty are omitted.
  public var encoded: [UInt8] {
    var writer = JSONWriter(reservingBytes: 512)
    writer.object {
      $0.member("server_id", self.serverID)
      $0.member("server_name", self.serverName)
      $0.member("version", self.version)
      $0.member("proto", self.proto)
      $0.memberUnlessEmpty("git_commit", self.gitCommit)
      $0.member("go", self.go)
      $0.member("host", self.host)
      $0.member("port", self.port)
      $0.member("headers", self.headers)
      $0.memberIfTrue("auth_required", self.authRequired)
      $0.memberIfTrue("tls_required", self.tlsRequired)
      $0.memberIfTrue("tls_verify", self.tlsVerify)
      $0.memberIfTrue("tls_available", self.tlsAvailable)
      $0.member("max_payload", self.maxPayload)
      $0.memberIfTrue("jetstream", self.jetStream)
      if self.clientID > 0 { $0.member("client_id", self.clientID) }
      $0.memberUnlessEmpty("client_ip", self.clientIP)
      $0.memberUnlessEmpty("nonce", self.nonce)
      $0.memberUnlessEmpty("cluster", self.cluster)
      if !self.connectURLs.isEmpty { $0.member("connect_urls", self.connectURLs) }
      if !self.webSocketConnectURLs.isEmpty {
        $0.member("ws_connect_urls", self.webSocketConnectURLs)
      }
      $0.memberIfTrue("ldm", self.lameDuckMode)
      $0.memberIfTrue("connect_info", self.connectInfo)
      $0.memberUnlessEmpty("remote_account", self.remoteAccount)
      $0.memberIfTrue("acc_is_sys", self.isSystemAccount)
    }
    return writer.bytes
  }
}
