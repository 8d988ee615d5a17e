/// What an object graph holds, as lines by path: to compare two that should be alike.
struct StateDump {
  private(set) var lines: [String: String] = [:]
  private var seen: Set<ObjectIdentifier> = []
  private let skipped: Set<String>

  /// Walks from `root`; members called like one of `skipped` are left out.
  init(_ root: Any, skipping skipped: Set<String>) {
    self.skipped = skipped
    self.walk(root, path: "", depth: 0)
  }

  /// The paths at which two differ.
  func differences(from other: StateDump) -> Set<String> {
    Set(self.lines.keys).union(other.lines.keys).filter { self.lines[$0] != other.lines[$0] }
  }

  private mutating func walk(_ value: Any, path: String, depth: Int) {
    let type = String(reflecting: Swift.type(of: value))
    // Loops, threads and loggers are the surroundings, and a pointer says nothing of what is there.
    let isForeign = ["NIO", "Logging.", "Unsafe", "Swift.Unsafe", "Crypto."].contains {
      type.hasPrefix($0)
    }
    guard depth < 24, !isForeign, !type.contains(") -> ") else { return }
    let mirror = Mirror(reflecting: value)
    if mirror.displayStyle == .class {
      guard self.seen.insert(ObjectIdentifier(value as AnyObject)).inserted else { return }
    }
    var ancestor = mirror.superclassMirror
    while let next = ancestor {
      self.members(next, path: path, depth: depth)
      ancestor = next.superclassMirror
    }
    switch mirror.displayStyle {
    case nil where mirror.children.isEmpty, .enum? where mirror.children.isEmpty:
      self.lines[path] = "\(value)"
    case .dictionary?:
      for child in mirror.children {
        guard let (key, inner) = Self.pair(child.value) else { continue }
        self.walk(inner, path: "\(path)[\(key)]", depth: depth + 1)
      }
    case .set?:
      self.lines[path] = mirror.children.map { "\($0.value)" }.sorted().joined(separator: " ")
    default:
      self.members(mirror, path: path, depth: depth)
    }
  }

  private mutating func members(_ mirror: Mirror, path: String, depth: Int) {
    for (index, child) in mirror.children.enumerated() {
      let label = child.label ?? "\(index)"
      guard !self.skipped.contains(label) else { continue }
      self.walk(child.value, path: "\(path).\(label)", depth: depth + 1)
    }
  }

  private static func pair(_ value: Any) -> (String, Any)? {
    let children = Array(Mirror(reflecting: value).children)
    return children.count == 2 ? ("\(children[0].value)", children[1].value) : nil
  }
}
