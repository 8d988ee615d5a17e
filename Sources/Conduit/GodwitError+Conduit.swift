public import Godwit

extension GodwitError.Code {
  /// Part of a stream was lost on the way; what follows is not handed out.
  public static var streamGap: Self { Self(rawValue: "streamGap") }
  /// The other side no longer wants the stream, or nobody here reads it any more.
  public static var streamAbandoned: Self { Self(rawValue: "streamAbandoned") }
  /// A reader was too slow for a sender that knows no flow control: more waited than is held.
  public static var slowConsumer: Self { Self(rawValue: "slowConsumer") }
}
