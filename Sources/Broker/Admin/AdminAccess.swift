import Crypto
import GodwitWire
import NIOHTTP1

/// What a request to the admin server shows to prove who it is.
public enum AdminCredentials: Hashable, Sendable {
  /// A name and a password (RFC 7617).
  case basic(user: String, password: String)
  /// A token (RFC 6750).
  case bearer(String)
}

/// Who may use the admin server. Confined to the loop.
///
/// A browser shows its password with every request, and checking one is slow by design: what was
/// accepted is remembered for five minutes after its last use, as a keyed digest.
public final class AdminAccess {
  /// Decides; calls back on the loop, now or later.
  public typealias Check = (AdminCredentials, @escaping (Bool) -> Void) -> Void

  enum Verdict {
    case granted, refused, busy
  }

  private static let rememberedMax = 64
  private static let rememberedFor: Int64 = 300_000_000_000
  private let check: Check
  private let key = SymmetricKey(size: .bits256)
  private var remembered: [[UInt8]: Int64] = [:]
  /// Changes whenever everything is forgotten: what was asked before is not remembered after.
  private var generation = 0
  private var pace = AttemptPace()

  /// Asks `check`.
  public init(check: @escaping Check) {
    self.check = check
  }

  /// Accepts one user's password, one token, or either; compares in constant time.
  public convenience init(user: String? = nil, password: String? = nil, token: String? = nil) {
    self.init { credentials, answer in
      switch credentials {
      case .basic(let name, let secret):
        guard let user, let password else { return answer(false) }
        let nameIsRight = Self.same(name, user)
        let secretIsRight = Self.same(secret, password)
        answer(nameIsRight && secretIsRight)
      case .bearer(let secret):
        answer(token.map { Self.same(secret, $0) } ?? false)
      }
    }
  }

  /// Forgets who was let in: the settings have changed.
  public func forget() {
    self.remembered.removeAll()
    self.generation &+= 1
  }

  private static func same(_ left: String, _ right: String) -> Bool {
    // Digests compare in constant time and have one length.
    SHA256.hash(data: Array(left.utf8)) == SHA256.hash(data: Array(right.utf8))
  }

  /// Judges the value of an `Authorization` header.
  ///
  /// - Parameter wait: runs what it is given after so many nanoseconds, if anybody still asks: the
  ///   turn of an attempt comes.
  func judge(
    _ header: String?, from address: String, now: Int64, attemptsPerSecond: Double,
    wait: (Int64, @escaping () -> Void) -> Void, _ answer: @escaping (Verdict) -> Void
  ) {
    guard let header, let credentials = Self.parse(header) else { return answer(.refused) }
    let code = HMAC<SHA256>.authenticationCode(for: Array(header.utf8), using: self.key)
    let digest = Array(code)
    if let until = self.remembered[digest], until > now {
      self.remembered[digest] = now + Self.rememberedFor
      return answer(.granted)
    }
    guard let nanoseconds = self.pace.take(address, perSecond: attemptsPerSecond, now: now) else {
      return answer(.busy)
    }
    let check = { [weak self] in
      guard let self else { return }
      let generation = self.generation
      self.check(credentials) { [weak self] isGranted in
        if isGranted, let self, self.generation == generation {
          self.remember(digest, now: now + nanoseconds)
        }
        answer(isGranted ? .granted : .refused)
      }
    }
    if nanoseconds == 0 { check() } else { wait(nanoseconds, check) }
  }

  private func remember(_ digest: [UInt8], now: Int64) {
    if self.remembered.count >= Self.rememberedMax {
      self.remembered = self.remembered.filter { $0.value > now }
    }
    if self.remembered.count >= Self.rememberedMax { self.remembered.removeAll() }
    self.remembered[digest] = now + Self.rememberedFor
  }

  /// What to call somebody who was let in with what a request shows.
  static func name(in head: HTTPRequestHead) -> String {
    switch head.headers.first(name: "authorization").flatMap(Self.parse) {
    case .basic(let user, _): user
    case .bearer: "token"
    case nil: ""
    }
  }

  /// Reads an `Authorization` header; `nil` when it is of another kind, or garbage.
  static func parse(_ header: String) -> AdminCredentials? {
    guard let space = header.firstIndex(of: " ") else { return nil }
    let scheme = header[..<space].lowercased()
    let value = header[header.index(after: space)...].drop { $0 == " " }
    guard !value.isEmpty else { return nil }
    switch scheme {
    case "bearer":
      return .bearer(String(value))
    case "basic":
      guard let bytes = Base64.decode(Array(value.utf8)),
        let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
        let user = String(validating: bytes[..<colon], as: UTF8.self),
        let password = String(validating: bytes[(colon + 1)...], as: UTF8.self)
      else { return nil }
      return .basic(user: user, password: password)
    default:
      return nil
    }
  }
}
