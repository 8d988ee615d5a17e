import Testing

@testable import GodwitPrimitives

@Suite struct TopicTreeVisitTests {
  private final class Entry: TopicTreeEntry {
    var treePosition = -1
    let pattern: TopicPattern

    init(_ text: String, tail: TopicPattern.Tail = .oneOrMore) {
      self.pattern = TopicPattern(canonical: Array(text.utf8), openTail: tail)
    }
  }

  @Test func everyEntryIsVisitedOnce() {
    let tree = TopicTree<Entry>()
    let entries = [
      Entry("a"), Entry("a"), Entry("a.b"), Entry("a.*"), Entry("a.>"), Entry(">"),
      Entry("a.>", tail: .zeroOrMore), Entry("*.b.*"), Entry("$SYS.x"),
    ]
    for entry in entries { tree.insert(entry, at: entry.pattern) }
    var seen: [ObjectIdentifier] = []
    tree.forEach {
      seen.append(ObjectIdentifier($0))
      return true
    }
    #expect(seen.count == entries.count)
    #expect(Set(seen) == Set(entries.map { ObjectIdentifier($0) }))
  }

  @Test func aVisitEndsWhenItIsToldTo() {
    let tree = TopicTree<Entry>()
    let entries = (0..<20).map { Entry("x.\($0).>") }
    for entry in entries { tree.insert(entry, at: entry.pattern) }
    var count = 0
    tree.forEach { _ in
      count += 1
      return count < 5
    }
    #expect(count == 5)
  }
}
