/// Where a worker ends itself: steps of the failure table in `docs/framework.md`.
enum Step: String {
  // Publishing.
  case beforePublish = "before-publish"
  /// Ended by who has started it.
  case publishing
  case published
  // Consuming.
  case received
  case gathering
  case decoding
  case middleware
  case handler
  case batch
  case handled
  case settled
  case dying
  case dead
  case waiting
  case draining
  // Requests.
  case requested
  case answering
  /// Nowhere: it works on messages.
  case none
}
