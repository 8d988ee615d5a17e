/// Where a connection comes from, as far as it is known before it has said who it is.
public struct PeerIdentity: Hashable, Sendable {
  /// The protocol's name, such as `mqtt`.
  public var protocolName: String
  /// The peer's address without its port; empty for a local socket.
  public var address: String
  /// The subject of the certificate that the peer proved to own, as `CN=…`; with mutual TLS only.
  public var certificateSubject: String?
  /// The common name in that subject.
  public var certificateCommonName: String?
  /// The client's own name for itself: MQTT's client id, the name in NATS CONNECT.
  public var clientID: String

  /// A peer.
  public init(
    protocolName: String, address: String, certificateSubject: String? = nil,
    certificateCommonName: String? = nil, clientID: String = ""
  ) {
    self.protocolName = protocolName
    self.address = address
    self.certificateSubject = certificateSubject
    self.certificateCommonName = certificateCommonName
    self.clientID = clientID
  }
}

/// What a client shows to prove who it is.
public enum Credentials: Hashable, Sendable {
  /// Nothing.
  case none
  /// A name and a password.
  case password(user: String, password: [UInt8])
  /// One shared secret.
  case token([UInt8])
  /// A signature of the server's nonce by an Ed25519 key (NATS nkeys), both raw.
  case nkey(publicKey: [UInt8], signature: [UInt8], nonce: [UInt8])
  /// A name whose password the front end has verified by itself, in a SCRAM exchange, against what
  /// the authenticator kept of it then.
  case verified(user: String, by: SCRAMCredential)
}

/// Who a connection acts for, once it is known.
public final class Principal {
  /// The user's name; empty for an anonymous connection.
  public let name: String
  /// The tenant its messages belong to.
  public let tenant: Tenant
  /// What it may do; `nil` for everything.
  public let permissions: Permissions?
  /// The most subscriptions per connection; 0 for the protocol's own setting.
  public let subscriptionsMax: Int
  /// The largest payload; 0 for the protocol's own setting.
  public let payloadBytesMax: Int
  /// Whether it stays valid across a change of the settings, compared by this text.
  public let revision: String
  /// By what it was let in, for the authenticator's eyes only: a fingerprint of what is kept of the
  /// credential, never the credential. Empty where nothing was asked for.
  public let admission: [UInt8]

  /// A principal.
  public init(
    name: String, tenant: Tenant, permissions: Permissions? = nil, subscriptionsMax: Int = 0,
    payloadBytesMax: Int = 0, revision: String = "", admission: [UInt8] = []
  ) {
    self.name = name
    self.tenant = tenant
    self.permissions = permissions
    self.subscriptionsMax = subscriptionsMax
    self.payloadBytesMax = payloadBytesMax
    self.revision = revision
    self.admission = admission
  }
}

/// Why a client is not let in.
public enum AccessRefusal: Error, Hashable, Sendable {
  /// Wrong name, password, token, signature or certificate; which one is not said.
  case badCredentials
  /// The credentials are right, but not from this address or with this client id.
  case notAuthorized
  /// Nothing was shown and something is needed.
  case credentialsRequired
  /// Too many attempts; the answer may take its time.
  case busy
}

/// The hash function of a SCRAM exchange, by the name of the mechanism.
public enum SCRAMHash: String, CaseIterable, Sendable {
  /// RFC 7677.
  case sha256 = "SCRAM-SHA-256"
  /// The same with SHA-512.
  case sha512 = "SCRAM-SHA-512"

  /// The length of a hash, in bytes.
  public var byteCount: Int { self == .sha256 ? 32 : 64 }
}

/// What a SCRAM server keeps of a password (RFC 5802, section 3).
public struct SCRAMCredential: Hashable, Sendable {
  /// The hash function.
  public var hash: SCRAMHash
  /// The salt.
  public var salt: [UInt8]
  /// The iteration count.
  public var iterations: Int
  /// `StoredKey`.
  public var storedKey: [UInt8]
  /// `ServerKey`.
  public var serverKey: [UInt8]

  /// A credential.
  public init(
    hash: SCRAMHash = .sha256, salt: [UInt8], iterations: Int, storedKey: [UInt8],
    serverKey: [UInt8]
  ) {
    self.hash = hash
    self.salt = salt
    self.iterations = iterations
    self.storedKey = storedKey
    self.serverKey = serverKey
  }
}

/// Decides who gets in. The broker makes one from its settings.
public protocol Authenticator: AnyObject {
  /// Whether a client must show something.
  var requiresCredentials: Bool { get }
  /// Whether any user signs with an nkey, so that a nonce must be offered.
  var offersNonce: Bool { get }

  /// Checks credentials. Checking a password takes milliseconds and happens elsewhere: `completion`
  /// runs later on the engine's loop, or before this returns where nothing needs time.
  func authenticate(
    _ credentials: Credentials, peer: PeerIdentity,
    completion: @escaping (Result<Principal, AccessRefusal>) -> Void)

  /// What is kept of a user's password for SCRAM, or a made-up one for a user that does not exist
  /// or has nothing for that hash, so that the exchange tells nothing.
  func scramCredential(for user: String, hash: SCRAMHash) -> SCRAMCredential

  /// The principal as it would be made today, after the settings changed; `nil` when it no longer
  /// gets in: it is gone, may not come from there any more, or what it was let in by has changed.
  func refresh(_ principal: Principal, peer: PeerIdentity) -> Principal?

  /// What the principal may do today while it is away, for what is kept for it: `nil` when there is
  /// no such user any more. Whether it would be let in, and by what, is asked when it comes back.
  func standing(of principal: Principal, peer: PeerIdentity) -> Principal?
}
