/** Who may log in, at the API and at the provider, and with which password. */
export const people = { alice: 'wonderland', bob: 'builder' }

export const isPassword = (user, password) =>
  Object.hasOwn(people, user) && people[user] === password

/** `Alice` for `alice`. */
export const nameOf = user => user[0].toUpperCase() + user.slice(1)
