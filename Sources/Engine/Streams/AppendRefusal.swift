/// Why a stream did not keep a message. The front end answers with its protocol's own words.
public enum AppendRefusal: Error, Hashable, Sendable {
  /// The stream is sealed.
  case isSealed
  /// The sender expected a stream of another name.
  case otherStream
  /// The stream's next offset is this one, not the expected one.
  case nextOffsetIs(UInt64)
  /// The topic's last record ends at this offset, not at the expected one.
  case topicEndIs(UInt64)
  /// The last message had this id, or none.
  case lastMessageIDIs([UInt8]?)
  /// The stream does not roll up.
  case rollupNotAllowed
  /// A time to live that cannot be read.
  case timeToLiveInvalid
  /// The stream does not let records expire by themselves.
  case expiryNotAllowed
  /// The topic of a record must be literal, and within the engine's limits.
  case topicInvalid
  /// The message is larger than `StreamSettings.recordBytesMax`.
  case recordTooLarge
  /// The message has more than 65,535 bytes of properties.
  case propertiesTooLarge
  /// The stream holds as many records as it may.
  case recordsMax
  /// The stream holds as many bytes as it may.
  case bytesMax
  /// The topic has as many records as it may.
  case recordsPerTopicMax
  /// A message of a batch has an id that is known already.
  case isDuplicate
  /// A message of a batch expects something that the batch itself changes.
  case expectsOfItself
  /// A message of a batch would have others of it go.
  case rollsItselfUp
  /// The protocol that prepares the stream's messages holds it until there are others.
  case isHeld
  /// The protocol that prepares the stream's messages refused, with its own number for why.
  case notPrepared(Int)
  /// The log refused: no room, or the disk failed.
  case log(EngineError)
}
