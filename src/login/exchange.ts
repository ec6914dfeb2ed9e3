import type { Session, Tokens } from '../session/store.ts'

/** What became of a refresh token. */
export type Exchanged =
  | {
      readonly kind: 'tokens'
      readonly tokens: Tokens
      /** Milliseconds from now until the access token runs out; undefined where the provider did not say. */
      readonly lifetime: number | undefined
    }
  /** The provider says, in so many words, that this grant is over. */
  | { readonly kind: 'over'; readonly reason: string }
  /** The new tokens are somebody else's. */
  | { readonly kind: 'foreign'; readonly reason: string; readonly tokens: Tokens }
  /** The refresh token was replaced, but the new access token cannot be verified just now. */
  | { readonly kind: 'rotated'; readonly reason: string; readonly refreshToken: string }
  /** Nothing is known, and nothing is changed. */
  | {
      readonly kind: 'failed'
      readonly reason: string
      /** Milliseconds that the provider asked to be left alone. */
      readonly retryAfter: number | undefined
    }

/** How the sessions of one provider get new tokens. */
export interface Exchange {
  /** Milliseconds before the end of an access token at which it is refreshed. */
  readonly refreshBefore: number
  /** Milliseconds that an exchange takes at most. */
  readonly timeout: number
  /** Whether the provider is known by now: learning it is no part of an exchange's time. Never rejects. */
  ready(): Promise<boolean>
  /** Never rejects. */
  exchange(session: Session, tokens: Tokens): Promise<Exchanged>
  /** Gives back tokens that nobody will use, without anybody waiting for it. */
  revoke(tokens: Tokens): void
}
