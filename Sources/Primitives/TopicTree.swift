/// What a `TopicTree` holds: it remembers its place, so that taking it out costs no search.
public protocol TopicTreeEntry: AnyObject {
  /// Kept by the tree; nobody else writes it.
  var treePosition: Int { get set }
}

/// A trie over dot-separated levels. It holds patterns and finds those that match a topic, or
/// holds topics and finds those that a pattern matches.
///
/// Not `Sendable`: a tree belongs to one event loop.
public final class TopicTree<Entry: TopicTreeEntry> {
  final class Node {
    let level: [UInt8]
    let hash: UInt64
    unowned let parent: Node?
    var children: [UInt64: Node] = [:]
    /// The next child of the same parent whose level has the same hash.
    var collision: Node?
    var single: Node?
    var exact: [Entry] = []
    var oneOrMore: [Entry] = []
    var zeroOrMore: [Entry] = []

    init(level: [UInt8], hash: UInt64, parent: Node?) {
      self.level = level
      self.hash = hash
      self.parent = parent
    }

    var isEmpty: Bool {
      self.exact.isEmpty && self.oneOrMore.isEmpty && self.zeroOrMore.isEmpty
        && self.children.isEmpty && self.single == nil
    }
  }

  private let hash: ByteHash
  private let root = Node(level: [], hash: 0, parent: nil)
  /// How many entries the tree holds.
  public private(set) var count = 0

  /// An empty tree with a random hash seed.
  public init() {
    self.hash = ByteHash()
  }

  /// Adds `entry` under `pattern`. The same pattern may hold any number of entries.
  public func insert(_ entry: Entry, at pattern: TopicPattern) {
    let node = self.node(at: pattern, create: true)
    guard let node else { return }
    self.count += 1
    Self.withList(of: node, pattern.tail) { list in
      entry.treePosition = list.count
      list.append(entry)
    }
  }

  /// Takes `entry`, inserted before under the same pattern, out again.
  ///
  /// - Returns: whether it was there.
  @discardableResult
  public func remove(_ entry: Entry, at pattern: TopicPattern) -> Bool {
    guard let node = self.node(at: pattern, create: false) else { return false }
    let removed = Self.withList(of: node, pattern.tail) { list in
      let position = entry.treePosition
      guard list.indices.contains(position), list[position] === entry else { return false }
      let last = list.removeLast()
      if last !== entry {
        list[position] = last
        last.treePosition = position
      }
      return true
    }
    guard removed else { return false }
    self.count -= 1
    self.prune(node)
    return true
  }

  /// Calls `body` with every entry whose pattern matches `topic`, a literal.
  ///
  /// Rules about topics that begin with `$` are the caller's (`TopicPattern.hides`).
  public func match(_ topic: UnsafeRawBufferPointer, _ body: (Entry) -> Void) {
    self.match(self.root, TopicLevels(topic), body)
  }

  private func match(_ node: Node, _ levels: TopicLevels, _ body: (Entry) -> Void) {
    for entry in node.zeroOrMore { body(entry) }
    var rest = levels
    guard let level = rest.next() else {
      for entry in node.exact { body(entry) }
      return
    }
    for entry in node.oneOrMore { body(entry) }
    if let single = node.single { self.match(single, rest, body) }
    if let child = self.child(of: node, level) { self.match(child, rest, body) }
  }

  /// Calls `body` with every entry, held under a literal topic, that `pattern` matches, until
  /// `body` answers `false`.
  public func search(_ pattern: TopicPattern, _ body: (Entry) -> Bool) {
    pattern.bytes.withUnsafeBytes { bytes in
      _ = self.search(self.root, TopicLevels(bytes), pattern, depth: 0, body)
    }
  }

  private func search(
    _ node: Node, _ levels: TopicLevels, _ pattern: TopicPattern, depth: Int,
    _ body: (Entry) -> Bool
  ) -> Bool {
    var rest = levels
    guard let level = rest.next() else {
      for entry in node.exact where !body(entry) { return false }
      return true
    }
    if rest.isAtEnd, pattern.tail != .exact {
      return self.visit(
        node, includingSelf: pattern.tail == .zeroOrMore && depth > 0, depth: depth, pattern, body)
    }
    guard level.isWildcardLevel else {
      guard let child = self.child(of: node, level) else { return true }
      return self.search(child, rest, pattern, depth: depth + 1, body)
    }
    for first in node.children.values {
      var next: Node? = first
      while let child = next {
        next = child.collision
        if depth == 0, Self.isHidden(child, pattern) { continue }
        guard self.search(child, rest, pattern, depth: depth + 1, body) else { return false }
      }
    }
    return true
  }

  /// Every entry at or below `node`.
  private func visit(
    _ node: Node, includingSelf: Bool, depth: Int, _ pattern: TopicPattern, _ body: (Entry) -> Bool
  ) -> Bool {
    if includingSelf {
      for entry in node.exact where !body(entry) { return false }
    }
    for first in node.children.values {
      var next: Node? = first
      while let child = next {
        next = child.collision
        if depth == 0, Self.isHidden(child, pattern) { continue }
        guard self.visit(child, includingSelf: true, depth: depth + 1, pattern, body) else {
          return false
        }
      }
    }
    return true
  }

  /// Calls `body` with every entry, in no particular order, until `body` answers `false`.
  public func forEach(_ body: (Entry) -> Bool) {
    _ = self.walk(self.root, body)
  }

  private func walk(_ node: Node, _ body: (Entry) -> Bool) -> Bool {
    for entry in node.exact where !body(entry) { return false }
    for entry in node.oneOrMore where !body(entry) { return false }
    for entry in node.zeroOrMore where !body(entry) { return false }
    if let single = node.single, !self.walk(single, body) { return false }
    for first in node.children.values {
      var next: Node? = first
      while let child = next {
        next = child.collision
        guard self.walk(child, body) else { return false }
      }
    }
    return true
  }

  private static func isHidden(_ child: Node, _ pattern: TopicPattern) -> Bool {
    child.level.withUnsafeBytes { pattern.hides($0) }
  }

  private func child(of node: Node, _ level: UnsafeRawBufferPointer) -> Node? {
    guard !node.children.isEmpty else { return nil }
    var next = node.children[self.hash(level)]
    while let child = next {
      if child.level.withUnsafeBytes({ $0.sameBytes(as: level) }) { return child }
      next = child.collision
    }
    return nil
  }

  private func node(at pattern: TopicPattern, create: Bool) -> Node? {
    pattern.bytes.withUnsafeBytes { bytes in
      var node = self.root
      var levels = TopicLevels(bytes)
      while let level = levels.next() {
        if levels.isAtEnd, pattern.tail != .exact { return node }
        if level.isWildcardLevel {
          if let single = node.single {
            node = single
          } else {
            guard create else { return nil }
            let single = Node(level: [UInt8(ascii: "*")], hash: 0, parent: node)
            node.single = single
            node = single
          }
        } else if let child = self.child(of: node, level) {
          node = child
        } else {
          guard create else { return nil }
          let hash = self.hash(level)
          let child = Node(level: Array(level), hash: hash, parent: node)
          child.collision = node.children[hash]
          node.children[hash] = child
          node = child
        }
      }
      return node
    }
  }

  private func prune(_ start: Node) {
    var node = start
    while node.isEmpty, let parent = node.parent {
      if parent.single === node {
        parent.single = nil
      } else {
        Self.unlink(node, from: parent)
      }
      node = parent
    }
  }

  private static func unlink(_ node: Node, from parent: Node) {
    guard let head = parent.children[node.hash] else { return }
    if head === node {
      parent.children[node.hash] = node.collision
      return
    }
    var previous = head
    while let next = previous.collision {
      if next === node {
        previous.collision = node.collision
        return
      }
      previous = next
    }
  }

  private static func withList<Result>(
    of node: Node, _ tail: TopicPattern.Tail, _ body: (inout [Entry]) -> Result
  ) -> Result {
    switch tail {
    case .exact: body(&node.exact)
    case .oneOrMore: body(&node.oneOrMore)
    case .zeroOrMore: body(&node.zeroOrMore)
    }
  }
}
