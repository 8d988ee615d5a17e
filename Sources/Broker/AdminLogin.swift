import Crypto
import GodwitFrontEndKit
import GodwitSASLprep
import NIOCore
import NIOPosix

/// Who may use the admin server, by the `admin` section. Confined to the loop.
final class AdminLogin {
  private let eventLoop: any EventLoop
  private let pool: NIOThreadPool
  private var user = ""
  private var password = ""
  private var token = ""

  init(_ settings: BrokerSettings, eventLoop: any EventLoop, pool: NIOThreadPool) {
    self.eventLoop = eventLoop
    self.pool = pool
    self.take(settings)
  }

  /// Takes the settings' credentials over.
  func take(_ settings: BrokerSettings) {
    let admin = settings.file["admin"]
    // The settings were refused if these had no such form.
    self.user = (try? SASLprep.prepare(admin.text("user"))) ?? ""
    self.password = (try? SASLprep.prepare(admin.text("password"))) ?? ""
    self.token = admin.text("token")
  }

  func check(_ credentials: AdminCredentials, _ answer: @escaping (Bool) -> Void) {
    switch credentials {
    case .bearer(let token):
      answer(!self.token.isEmpty && Self.same(token, self.token))
    case .basic(let user, let password):
      guard !self.password.isEmpty, let user = try? SASLprep.prepare(user),
        let password = try? SASLprep.prepare(password)
      else { return answer(false) }
      let isUser = Self.same(user, self.user)
      guard let hash = PasswordHash(self.password) else {
        let isPassword = Self.same(password, self.password)
        return answer(isUser && isPassword)
      }
      let bytes = Array(password.utf8)
      let bound = NIOLoopBound(answer, eventLoop: self.eventLoop)
      self.pool.runIfActive(eventLoop: self.eventLoop) { hash.verifies(bytes) }
        .whenComplete { bound.value(isUser && (try? $0.get()) == true) }
    }
  }

  private static func same(_ left: String, _ right: String) -> Bool {
    // Digests compare in constant time and have one length.
    SHA256.hash(data: Array(left.utf8)) == SHA256.hash(data: Array(right.utf8))
  }
}
