/// What belongs to prefixes of names, found by a name: in the order of their bytes, each with the
/// longest other that it begins with. So all that a name begins with are one search away, and what
/// that costs grows with the name, and with how many it finds.
struct KafkaPrefixes<Value> {
  private struct Entry {
    var text: String
    var prefix: [UInt8]
    var value: Value
    /// The place of the longest other that this one begins with; -1 where there is none.
    var parent = -1
  }

  private var entries: [Entry] = []
  private var isLinked = true

  /// Where a prefix is, or would be.
  private func place(_ prefix: [UInt8]) -> (place: Int, isThere: Bool) {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].prefix.lexicographicallyPrecedes(prefix) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return (low, low < entries.count && entries[low].prefix == prefix)
  }

  /// What belongs to exactly that prefix.
  subscript(_ prefix: String) -> Value? {
    let (place, isThere) = place(Array(prefix.utf8))
    return isThere ? entries[place].value : nil
  }

  /// Changes what belongs to a prefix; with `nil` it is gone.
  mutating func update(_ text: String, _ body: (inout Value?) -> Void) {
    let prefix = Array(text.utf8)
    let (place, isThere) = place(prefix)
    if isThere {
      var value: Value? = entries[place].value
      body(&value)
      if let value {
        entries[place].value = value
      } else {
        entries.remove(at: place)
        isLinked = false
      }
    } else {
      var value: Value?
      body(&value)
      guard let value else { return }
      entries.insert(Entry(text: text, prefix: prefix, value: value), at: place)
      isLinked = false
    }
  }

  private mutating func link() {
    guard !isLinked else { return }
    isLinked = true
    var open: [Int] = []
    for index in entries.indices {
      while let last = open.last, !entries[index].prefix.starts(with: entries[last].prefix) {
        open.removeLast()
      }
      entries[index].parent = open.last ?? -1
      open.append(index)
    }
  }

  /// Calls `body` with each prefix that a name begins with, the longest first, and what belongs to
  /// it.
  mutating func each(of name: String, _ body: (String, Value) -> Void) {
    guard !entries.isEmpty else { return }
    link()
    let name = Array(name.utf8)
    let (first, isThere) = place(name)
    // What a name begins with does not come behind it, and whatever comes between begins with that,
    // too: so all of them are the one before the name, or what that begins with.
    var place = isThere ? first : first - 1
    guard place >= 0 else { return }
    let common = zip(entries[place].prefix, name).prefix { $0 == $1 }.count
    while place >= 0 {
      let entry = entries[place]
      if entry.prefix.count <= common { body(entry.text, entry.value) }
      place = entry.parent
    }
  }
}
