public import Godwit

/// A mailbox's books: how much waits, who waits for room, and whether the loop knows that it has to
/// come.
@usableFromInline
struct MailboxLedger: Sendable {
  /// What becomes of a command.
  @usableFromInline
  enum Admission: Sendable {
    case posted
    /// It is the first: the loop is to be woken.
    case first
    /// It is the first of those that have company soon.
    case firstOfTurn
    case full
    case closed(GodwitError)

    @usableFromInline var isAdmitted: Bool {
      switch self {
      case .posted, .first, .firstOfTurn: true
      case .full, .closed: false
      }
    }
  }

  /// Commands that have time do not wait when there is as much to write.
  private static var patientBytesMax: Int { 262_144 }
  /// Nor does what is as much by itself wait for the company of others.
  private static var companyBytesMax: Int { 4_096 }

  let bytesMax: Int
  /// Bytes of the commands in the mailbox.
  var bytes = 0
  /// Bytes of the largest command ever.
  var largest = 0
  /// Bytes that the loop has taken and that are not with the socket yet.
  var bytesAhead = 0
  /// Whether the loop comes soon without being woken.
  var isAttended = false
  var waiting: [Confirmation<Void>] = []
  var ending: GodwitError?
  private var isWoken = false
  /// Whether the loop is woken when the tasks that are ready have run.
  private var isWokenSoon = false
  /// Whether some command here has time.
  private var hasPatient = false

  init(bytesMax: Int) {
    self.bytesMax = bytesMax
  }

  /// Whether half of the bound is free.
  var hasRoom: Bool { self.bytes + self.bytesAhead <= self.bytesMax / 2 }

  /// Takes a command in, when there is room.
  @usableFromInline
  mutating func admit(bytes: Int, isPatient: Bool) -> Admission {
    if let ending = self.ending { return .closed(ending) }
    // Something larger than the bound passes alone.
    let before = self.bytes + self.bytesAhead
    guard bytes == 0 || before == 0 || bytes <= self.bytesMax - before else { return .full }
    self.bytes += bytes
    self.largest = max(self.largest, bytes)
    if isPatient { self.hasPatient = true }
    if self.isWoken { return .posted }
    if !isPatient, bytes < Self.companyBytesMax || self.isWokenSoon {
      defer { self.isWokenSoon = true }
      return self.isWokenSoon ? .posted : .firstOfTurn
    }
    if isPatient, self.isAttended, self.bytes < min(Self.patientBytesMax, self.bytesMax / 4) {
      return .posted
    }
    self.isWoken = true
    return .first
  }

  /// The loop takes everything.
  mutating func take() -> (hasPatient: Bool, isAttended: Bool) {
    self.isAttended = self.isAttended && self.hasPatient
    defer {
      // What was here is ahead now, until the loop says how much really is.
      self.bytesAhead += self.bytes
      self.bytes = 0
      self.isWoken = false
      self.isWokenSoon = false
      self.hasPatient = false
    }
    return (self.hasPatient, self.isAttended)
  }
}
