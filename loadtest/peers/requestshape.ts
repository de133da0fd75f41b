/** The fields of a bid request that the peer reads. It believes its caller about their types, as one does first. */
export interface BidRequest {
  readonly id: string;
  readonly imp?: readonly Impression[];
  readonly site?: Inventory & { readonly domain?: string };
  readonly app?: Inventory & { readonly bundle?: string };
  readonly device?: Device;
  readonly user?: { readonly buyeruid?: string; readonly data?: readonly Provider[] };
  readonly regs?: { readonly coppa?: number; readonly gdpr?: number };
  readonly bcat?: readonly string[];
  readonly badv?: readonly string[];
}

interface Size {
  readonly w?: number;
  readonly h?: number;
}

export interface Impression {
  readonly id: string;
  readonly banner?: Size & { readonly format?: readonly Size[]; readonly battr?: readonly number[] };
  readonly bidfloor?: number;
  readonly secure?: number;
}

interface Inventory {
  readonly cat?: readonly string[];
  readonly keywords?: string;
}

interface Device {
  readonly geo?: { readonly country?: string; readonly region?: string; readonly lat?: number; readonly lon?: number };
  readonly devicetype?: number;
  readonly connectiontype?: number;
  readonly os?: string;
  readonly language?: string;
  readonly ifa?: string;
  readonly lmt?: number;
  readonly dnt?: number;
}

interface Provider {
  readonly id?: string;
  readonly segment?: readonly { readonly id?: string }[];
}
