import KafkaWire

/// What a member of a share group reads at this broker: it says only what changes (KIP-932).
final class KafkaShareSession {
  struct Key: Hashable {
    var group: String
    var member: String
  }

  /// The longest name of a member, and of a group, in bytes.
  static let memberBytesMax = 36
  static let groupBytesMax = 1_024
  /// What a session takes of memory, about, and each place in it.
  static let sessionBytes = 512
  static let placeBytes = 64

  let key: Key
  /// The connection that began it.
  let connection: UInt64
  /// The number that the next request must have.
  private(set) var epoch: Int32 = 1
  /// What is read, in the order in which it was named.
  private(set) var places: [KafkaPlace] = []
  private var known: Set<KafkaPlace> = []
  private var turn = 0
  /// What it takes of memory.
  var charge: AnyObject?

  init(_ key: Key, connection: UInt64) {
    self.key = key
    self.connection = connection
  }

  /// A request has come.
  func advance() { epoch = epoch == .max ? 1 : epoch + 1 }

  func add(_ place: KafkaPlace) { if known.insert(place).inserted { places.append(place) } }

  func remove(_ gone: Set<KafkaPlace>) {
    guard !gone.isDisjoint(with: known) else { return }
    known.subtract(gone)
    places.removeAll(where: gone.contains)
  }

  /// The places, another one first each time, so that each has its turn.
  func turned() -> [KafkaPlace] {
    guard !places.isEmpty else { return [] }
    turn = (turn + 1) % places.count
    return Array(places[turn...] + places[..<turn])
  }
}
