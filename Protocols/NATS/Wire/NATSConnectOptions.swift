import GodwitWire

/// The options of CONNECT: what a client tells about itself.
public struct NATSConnectOptions: Hashable, Sendable {
  /// Whether every operation is answered with `+OK`.
  public var verbose = false
  /// Whether subjects are checked strictly.
  public var pedantic = false
  /// Whether the client insists on TLS.
  public var tlsRequired = false
  /// A token, when the server authenticates by token.
  public var authToken = ""
  /// The user's name.
  public var user = ""
  /// The user's password.
  public var password = ""
  /// The client's name, for monitoring.
  public var name = ""
  /// The client's implementation language.
  public var language = ""
  /// The client library's version.
  public var version = ""
  /// 0, or 1 when the client understands INFO at any time.
  public var protocolVersion = 0
  /// Whether the client receives its own messages.
  public var echo = true
  /// The public nkey of the user.
  public var nkey = ""
  /// The signature of the server's nonce, base64url.
  public var signature = ""
  /// A user JWT.
  public var jwt = ""
  /// Whether the client understands headers.
  public var headers = false
  /// Whether requests without a receiver are answered with status 503.
  public var noResponders = false
  /// An account to join; servers refuse it since nats-server 2.0.
  public var account = ""
  /// Whether to create the account; servers refuse it since nats-server 2.0.
  public var newAccount = false

  /// Makes the options of a client that says nothing: not verbose, not pedantic, with echo.
  public init() {}

  /// What a server assumes until CONNECT says otherwise: verbose, pedantic and with echo.
  public static var serverDefaults: Self {
    var options = Self()
    options.verbose = true
    options.pedantic = true
    return options
  }

  /// Takes over what the JSON of a CONNECT says; what it leaves out stays as it is.
  ///
  /// - Throws: `NATSWireError` with code `malformedJSON`; then nothing has changed.
  public mutating func merge(parsing json: UnsafeRawBufferPointer) throws(NATSWireError) {
    let fields = try NATSJSONFields(json)
    var options = self
    try fields.read("verbose", &options.verbose)
    try fields.read("pedantic", &options.pedantic)
    try fields.read("tls_required", &options.tlsRequired)
    try fields.read("auth_token", &options.authToken)
    try fields.read("user", &options.user)
    try fields.read("pass", &options.password)
    try fields.read("name", &options.name)
    try fields.read("lang", &options.language)
    try fields.read("version", &options.version)
    try fields.read("protocol", &options.protocolVersion)
    try fields.read("echo", &options.echo)
    try fields.read("nkey", &options.nkey)
    try fields.read("sig", &options.signature)
    try fields.read("jwt", &options.jwt)
    try fields.read("headers", &options.headers)
    try fields.read("no_responders", &options.noResponders)
    try fields.read("account", &options.account)
    try fields.read("new_account", &options.newAccount)
    self = options
  }

  /// The options as compact JSON; empty texts are left out.
  public var encoded: [UInt8] {
    var writer = JSONWriter()
    writer.object {
      $0.member("verbose", self.verbose)
      $0.member("pedantic", self.pedantic)
      $0.member("tls_required", self.tlsRequired)
      $0.member("name", self.name)
      $0.member("lang", self.language)
      $0.member("version", self.version)
      $0.member("protocol", self.protocolVersion)
      $0.member("echo", self.echo)
      $0.member("headers", self.headers)
      $0.member("no_responders", self.noResponders)
      $0.memberUnlessEmpty("auth_token", self.authToken)
      $0.memberUnlessEmpty("user", self.user)
      $0.memberUnlessEmpty("pass", self.password)
      $0.memberUnlessEmpty("nkey", self.nkey)
      $0.memberUnlessEmpty("sig", self.signature)
      $0.memberUnlessEmpty("jwt", self.jwt)
      $0.memberUnlessEmpty("account", self.account)
      if self.newAccount { $0.member("new_account", true) }
    }
    return writer.bytes
  }
}

extension JSONWriter {
  mutating func memberUnlessEmpty(_ name: String, _ text: String) {
    if !text.isEmpty { self.member(name, text) }
  }

  mutating func memberIfTrue(_ name: String, _ flag: Bool) {
    if flag { self.member(name, true) }
  }
}
