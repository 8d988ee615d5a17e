import GodwitEngine
import GodwitPrimitives
import Testing

struct PermissionsTests {
  private func pattern(_ text: String) -> TopicPattern { TopicPattern(canonical: Array(text.utf8)) }

  private func rule(_ allow: [String], _ deny: [String]) -> Permissions.Rule {
    Permissions.Rule(allow: allow.map(self.pattern), deny: deny.map(self.pattern))
  }

  private func permits(_ rule: Permissions.Rule, _ topic: String) -> Bool {
    Array(topic.utf8).withUnsafeBytes { rule.permits($0) }
  }

  @Test func denyWins() {
    let rule = self.rule(["a.>"], ["a.secret.>"])
    #expect(self.permits(rule, "a.b"))
    #expect(!self.permits(rule, "a.secret.x"))
    #expect(!self.permits(rule, "b"))
  }

  @Test func nothingSaidAllowsAll() {
    #expect(self.permits(self.rule([], []), "x"))
    #expect(self.permits(self.rule([], ["y"]), "x"))
    #expect(!self.permits(self.rule([], ["y"]), "y"))
    var none = self.rule(["x"], [])
    none.denyAll = true
    #expect(!self.permits(none, "x"))
    #expect(!none.permits(self.pattern("x")))
  }

  @Test func aSubscriptionMustBeCoveredAndMayBeDeniedInPart() {
    let rule = self.rule(["a.>"], ["a.b.*"])
    #expect(rule.permits(self.pattern("a.*")))
    #expect(rule.permits(self.pattern("a.>")))
    #expect(!rule.permits(self.pattern(">")))
    #expect(!rule.permits(self.pattern("a.b.c")))
    #expect(!rule.permits(self.pattern("a.b.*")))
    #expect(rule.deniesSome(of: self.pattern("a.>")))
    #expect(!rule.deniesSome(of: self.pattern("a.c.>")))
  }

  @Test func groupsHaveRulesOfTheirOwn() {
    let permissions = Permissions(
      subscribe: self.rule(["open"], []),
      subscribeInGroup: [.init(pattern: self.pattern("work.>"), group: self.pattern("v1.*"))],
      denyInGroup: [.init(pattern: self.pattern("open"), group: self.pattern("bad"))])
    #expect(permissions.maySubscribe(self.pattern("open"), group: nil))
    #expect(!permissions.maySubscribe(self.pattern("work.x"), group: nil))
    #expect(permissions.maySubscribe(self.pattern("work.x"), group: Array("v1.a".utf8)))
    #expect(!permissions.maySubscribe(self.pattern("work.x"), group: Array("v2.a".utf8)))
    #expect(!permissions.maySubscribe(self.pattern("open"), group: Array("bad".utf8)))
    #expect(permissions.maySubscribe(self.pattern("open"), group: Array("good".utf8)))
  }

  private func receives(_ permissions: Permissions, _ topic: String, _ group: String?) -> Bool {
    Array(topic.utf8).withUnsafeBytes {
      permissions.mayReceive($0, group: group.map { Array($0.utf8) })
    }
  }

  @Test func denialsInGroupsHoldBackMessagesToo() {
    let permissions = Permissions(
      subscribe: self.rule([], ["never"]),
      denyInGroup: [.init(pattern: self.pattern("secret.>"), group: self.pattern("workers"))])
    #expect(permissions.deniesAny)
    #expect(!self.receives(permissions, "secret.x", "workers"))
    #expect(self.receives(permissions, "secret.x", "others"))
    #expect(self.receives(permissions, "secret.x", nil))
    #expect(!self.receives(permissions, "never", "others"))
    #expect(permissions.deniesSome(of: self.pattern(">"), group: Array("workers".utf8)))
    #expect(!permissions.deniesSome(of: self.pattern("secret.>"), group: Array("others".utf8)))
  }

  @Test func whatAllowedTheSubscriptionAllowsItsMessages() {
    let permissions = Permissions(
      subscribe: self.rule(["public.>"], ["public.x"]),
      subscribeInGroup: [.init(pattern: self.pattern("work.>"), group: self.pattern("workers"))])
    #expect(permissions.maySubscribe(self.pattern("work.*"), group: Array("workers".utf8)))
    #expect(self.receives(permissions, "work.1", "workers"))
    #expect(self.stillReceives(permissions, "work.1", "workers"))
    #expect(self.stillReceives(permissions, "public.y", nil))
    #expect(!self.stillReceives(permissions, "public.x", nil))
    #expect(!self.stillReceives(permissions, "other", nil))
    let inGroupsOnly = Permissions(subscribeInGroup: permissions.subscribeInGroup)
    #expect(!self.stillReceives(inGroupsOnly, "other", nil))
  }

  @Test func queuedMessagesAreJudgedInTheirGroup() {
    let permissions = Permissions(
      subscribe: self.rule(["public.>"], []),
      subscribeInGroup: [.init(pattern: self.pattern("work.>"), group: self.pattern("workers"))],
      denyInGroup: [.init(pattern: self.pattern("public.>"), group: self.pattern("workers"))])
    #expect(self.stillReceives(permissions, "work.1", "workers"))
    #expect(!self.stillReceives(permissions, "work.1", "others"))
    #expect(!self.stillReceives(permissions, "work.1", nil))
    #expect(!self.stillReceives(permissions, "public.x", "workers"))
    #expect(self.stillReceives(permissions, "public.x", "others"))
    #expect(self.stillReceives(permissions, "public.x", nil))
  }

  private func stillReceives(
    _ permissions: Permissions, _ topic: String, _ group: String?
  ) -> Bool {
    Array(topic.utf8).withUnsafeBytes {
      permissions.mayStillReceive($0, group: group.map { Array($0.utf8) })
    }
  }
}
