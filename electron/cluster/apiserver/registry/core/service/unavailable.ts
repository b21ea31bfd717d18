/** Why an address or a port was not to be had. */
export class Unavailable extends Error {}
