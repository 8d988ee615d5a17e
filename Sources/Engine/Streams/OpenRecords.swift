import GodwitPrimitives

/// What a group has handed out and is not done with, by offset.
///
/// Records are handed out in the log's order, and mostly done with in about the same: they stand in
/// one run, ascending, and one that is done with leaves its place empty for a while. Of a group
/// that wants every record a place is found by subtraction, of others by a search.
struct OpenRecords {
  private struct Place {
    let offset: UInt64
    var open: StreamGroup.Open?
  }

  /// Up to so many places are empty whatever there is beside them.
  private static var emptyMax: Int { 64 }

  private var places: [Place] = []
  /// Where the first place is that is not empty.
  private var head = 0
  /// How many records there are.
  private(set) var count = 0

  /// None.
  init() {}

  /// Records in any order, each of which is there once.
  init(_ records: [(offset: UInt64, open: StreamGroup.Open)]) {
    self.places = records.sorted { $0.offset < $1.offset }.map { Place(offset: $0.0, open: $0.1) }
    self.count = records.count
  }

  /// The one of the least offset.
  var first: (offset: UInt64, open: StreamGroup.Open)? {
    guard self.head < self.places.count, let open = self.places[self.head].open else { return nil }
    return (self.places[self.head].offset, open)
  }

  /// All of them, ascending.
  var all: some Sequence<(offset: UInt64, open: StreamGroup.Open)> {
    self.places[self.head...].lazy.compactMap { place in
      place.open.map { (offset: place.offset, open: $0) }
    }
  }

  /// What is known of the record at `offset`; `nil` where it is not among them.
  subscript(offset: UInt64) -> StreamGroup.Open? {
    get { self.position(of: offset).flatMap { self.places[$0].open } }
    set {
      guard let newValue else {
        self.remove(offset)
        return
      }
      if let position = self.position(of: offset) {
        if self.places[position].open == nil { self.count += 1 }
        self.places[position].open = newValue
      } else {
        self.insert(Place(offset: offset, open: newValue))
      }
    }
  }

  private mutating func insert(_ place: Place) {
    self.count += 1
    if self.places.last.map({ $0.offset < place.offset }) ?? true {
      self.places.append(place)
    } else {
      let rest = self.places[self.head...]
      self.places.insert(place, at: rest.partitioningIndex { $0.offset > place.offset })
    }
  }

  /// - Returns: what was known of it.
  @discardableResult
  mutating func remove(_ offset: UInt64) -> StreamGroup.Open? {
    guard let position = self.position(of: offset), let open = self.places[position].open else {
      return nil
    }
    self.places[position].open = nil
    self.count -= 1
    while self.head < self.places.count, self.places[self.head].open == nil { self.head += 1 }
    if self.places.count > 2 * self.count + Self.emptyMax {
      self.places.removeAll { $0.open == nil }
      self.head = 0
    }
    return open
  }

  /// Where the record is, or was.
  private func position(of offset: UInt64) -> Int? {
    let last = self.places.count - 1
    guard self.head <= last else { return nil }
    let first = self.places[self.head].offset
    guard offset >= first else { return nil }
    // Offsets ascend: it stands no further behind the first than by their distance.
    let distance = Int(min(offset - first, UInt64(last - self.head)))
    let furthest = self.head + distance
    if self.places[furthest].offset <= offset {
      return self.places[furthest].offset == offset ? furthest : nil
    }
    let position = self.places[self.head..<furthest].partitioningIndex { $0.offset >= offset }
    return position < furthest && self.places[position].offset == offset ? position : nil
  }
}
