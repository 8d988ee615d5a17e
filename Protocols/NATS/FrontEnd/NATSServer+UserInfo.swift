import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import GodwitWire

extension NATSServer {
  /// The answer to `$SYS.REQ.USER.INFO` in nats-server's shape.
  func userInfo(_ principal: Principal, permissions: Permissions?) -> [UInt8] {
    var writer = JSONWriter()
    let account = self.accountName(principal.tenant)
    writer.object {
      $0.object("server") {
        $0.member("name", self.context.serverName)
        $0.member("host", self.address(of: .tcp)?.host ?? "")
        $0.member("id", self.serverID)
        $0.member("ver", Self.protocolVersion)
        $0.member("jetstream", false)
        $0.member("flags", 0)
        $0.member("time", NATSTimestamp.text(self.context.loop.engine.now))
      }
      $0.object("data") {
        $0.member("user", principal.name)
        $0.member("account", account)
        $0.member("account_name", account)
        if let permissions { $0.object("permissions") { Self.write(permissions, to: &$0) } }
      }
    }
    return writer.bytes
  }

  private static func write(_ permissions: Permissions, to writer: inout JSONWriter) {
    let rules = { (patterns: [TopicPattern]) in patterns.map(\.description) }
    let groups = { (groups: [Permissions.GroupRule]) in
      groups.map { "\($0.pattern) \($0.group)" }
    }
    writer.object("publish") {
      let publish = permissions.publish
      if !publish.allow.isEmpty { $0.member("allow", rules(publish.allow)) }
      let deny = publish.denyAll ? [">"] : rules(publish.deny)
      if !deny.isEmpty { $0.member("deny", deny) }
    }
    writer.object("subscribe") {
      let subscribe = permissions.subscribe
      let allow = rules(subscribe.allow) + groups(permissions.subscribeInGroup)
      if !allow.isEmpty { $0.member("allow", allow) }
      let deny =
        (subscribe.denyAll ? [">"] : rules(subscribe.deny)) + groups(permissions.denyInGroup)
      if !deny.isEmpty { $0.member("deny", deny) }
    }
    if let responses = permissions.responses {
      writer.object("responses") {
        $0.member("max", responses.messagesMax)
        $0.member("ttl", responses.lifetime)
      }
    }
  }
}
