/// Something that happened to a stream or one of its groups, for those who show or tell it.
public enum StreamEvent {
  /// A stream was made.
  case created(Stream)
  /// A stream got other settings.
  case updated(Stream)
  /// A stream was deleted.
  case deleted(Stream)
  /// A group was made.
  case groupCreated(Stream, StreamGroup)
  /// A group got other settings.
  case groupUpdated(Stream, StreamGroup)
  /// A group was deleted.
  case groupDeleted(Stream, StreamGroup)
}
