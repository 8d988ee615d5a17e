import Godwit
import NIOCore

/// The sending half of a stream: acknowledgements in, chunk frames out. No I/O, no clock.
///
/// One stream goes to everybody who acknowledges the handshake: instances of a service, and in the
/// original each of them twice, since it subscribes twice. All of them get the same frames; the
/// slowest of those who know flow control sets the pace.
struct StreamSender {
  /// The most acknowledgements with addresses of their own that are taken.
  static let destinationsMax = 1_024

  /// Somebody who gets the stream.
  struct Destination {
    let subject: String
    /// What may be sent in all; `nil` for a receiver without flow control.
    var credit: Int?
    var isLive = true
  }

  /// What an acknowledgement comes to.
  enum Verdict: Equatable {
    /// A new destination, by its place.
    case destination(Int)
    /// More credit, or nothing new, for one that is known.
    case known
    /// Nobody is bound there.
    case unbound
    /// One that does not want the stream, or no longer.
    case gone
    /// An address that is none, or one too many.
    case invalid
    /// Another destination for a stream that has begun.
    case late
  }

  private(set) var destinations: [Destination] = []
  /// How many acknowledgements said that nobody is bound.
  private(set) var unbound = 0
  /// Why the last destination that went is gone.
  private(set) var lastRefusal: GodwitError?
  /// The largest chunk that all take; `nil` while there is one that does not tell.
  private(set) var chunkBytesMax: Int?
  /// Bytes sent so far.
  private(set) var sent = 0
  private var nextIndex = 0
  private(set) var hasBegun = false

  /// Whether anybody is left.
  var hasLive: Bool { self.destinations.contains(where: \.isLive) }

  /// Subjects of those who get the stream.
  var subjects: [String] { self.destinations.filter(\.isLive).map(\.subject) }

  /// Whether everybody who gets the stream knows flow control.
  var isPaced: Bool { self.destinations.allSatisfy { !$0.isLive || $0.credit != nil } }

  mutating func receive(_ ack: Acknowledgement) -> Verdict {
    if let place = self.destinations.firstIndex(where: { $0.subject == ack.dataSubject }) {
      guard ack.error.isEmpty else {
        return self.lose(place, GodwitError(.streamAbandoned, ack.error))
      }
      if let credit = ack.credit, let known = self.destinations[place].credit, credit > known {
        self.destinations[place].credit = credit
      }
      return .known
    }
    guard ack.isBound else {
      self.unbound += 1
      return .unbound
    }
    guard ack.error.isEmpty else {
      self.lastRefusal = GodwitError(.overloaded, ack.error)
      return .gone
    }
    guard !self.hasBegun else { return .late }
    guard ConduitSubjects.isPublishable(ack.dataSubject),
      self.destinations.count < Self.destinationsMax
    else { return .invalid }
    let credit = ack.version > 0 ? ack.credit : nil
    let chunkBytesMax = ack.version > 0 ? ack.chunkBytesMax : nil
    if self.destinations.isEmpty {
      self.chunkBytesMax = chunkBytesMax
    } else if let known = self.chunkBytesMax {
      self.chunkBytesMax = chunkBytesMax.map { min($0, known) }
    }
    self.destinations.append(Destination(subject: ack.dataSubject, credit: credit))
    return .destination(self.destinations.count - 1)
  }

  private mutating func lose(_ place: Int, _ error: GodwitError) -> Verdict {
    self.destinations[place].isLive = false
    self.lastRefusal = error
    return .gone
  }

  /// How many bytes everybody has room for now; no bound where nobody has one.
  var room: Int {
    var room = Int.max
    for destination in self.destinations where destination.isLive {
      if let credit = destination.credit { room = min(room, max(0, credit - self.sent)) }
    }
    return room
  }

  /// Those who have no room are given up.
  ///
  /// - Returns: their subjects.
  mutating func giveUpStalled(_ error: GodwitError) -> [String] {
    var subjects: [String] = []
    for place in self.destinations.indices where self.destinations[place].isLive {
      guard let credit = self.destinations[place].credit, credit <= self.sent else { continue }
      _ = self.lose(place, error)
      subjects.append(self.destinations[place].subject)
    }
    return subjects
  }

  /// The next chunk. The first one closes the stream to further destinations.
  ///
  /// - Throws: `tooLarge`.
  mutating func chunk(_ data: ByteBuffer, isEnd: Bool = false) throws(GodwitError) -> ByteBuffer {
    self.hasBegun = true
    let frame = try ConduitChunk(index: self.nextIndex, data: data, isEnd: isEnd).frame()
    self.nextIndex += 1
    self.sent += data.readableBytes
    return frame
  }

  /// The chunk that ends the stream with a failure.
  mutating func failure(_ text: String) throws(GodwitError) -> ByteBuffer {
    self.hasBegun = true
    return try ConduitChunk(index: self.nextIndex, error: text.isEmpty ? "failed" : text).frame()
  }

  /// All frames of a payload that is at hand, as everybody gets them.
  ///
  /// - Throws: `tooLarge`.
  static func frames(
    of payload: ByteBuffer, chunkBytesMax: Int
  ) throws(GodwitError) -> [ByteBuffer] {
    var sender = Self()
    var payload = payload
    var frames: [ByteBuffer] = []
    repeat {
      let size = min(payload.readableBytes, max(1, chunkBytesMax))
      let piece = payload.readSlice(length: size) ?? ByteBuffer()
      frames.append(try sender.chunk(piece, isEnd: payload.readableBytes == 0))
    } while payload.readableBytes > 0
    return frames
  }

  /// The only frame of a stream that is a failure.
  static func frames(ofFailure text: String) throws(GodwitError) -> [ByteBuffer] {
    var sender = Self()
    return [try sender.failure(text)]
  }
}
