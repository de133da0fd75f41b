import { isIP } from 'node:net';

/** Country of an address, ISO 3166-1 alpha-3; '' when it is not known. */
export type CountryOf = (ip: string) => string;

export interface CountryTable {
  readonly countryOf: CountryOf;
  readonly ranges: number;
  /** Lines that are not `first,last,country`. */
  readonly badLines: number;
}

/** IPv4 addresses as numbers; of IPv6 the first 64 bits, finer than any country's range. */
interface Ranges<T extends number | bigint> {
  readonly first: T[];
  readonly last: T[];
  readonly country: number[];
}

/**
 * Reads lines `first address,last address,country` (ISO 3166-1 alpha-2 or alpha-3), the form in which free and
 * commercial databases come. Ranges of one family must not overlap; their order does not matter.
 */
export function readCountries(text: string): CountryTable {
  const names: string[] = [''];
  const numbers = new Map<string, number>();
  const v4: Ranges<number> = { first: [], last: [], country: [] };
  const v6: Ranges<bigint> = { first: [], last: [], country: [] };
  let badLines = 0;
  for (const line of text.split('\n')) {
    const clean = line.trim().replaceAll('"', '');
    if (clean === '' || clean.startsWith('#')) continue;
    const [first = '', last = '', code = ''] = clean.split(',');
    const name = alpha3(code.trim());
    const family = isIP(first);
    if (name === '' || family === 0 || isIP(last) !== family) {
      badLines += 1;
      continue;
    }
    const number = numbers.get(name) ?? names.push(name) - 1;
    numbers.set(name, number);
    if (family === 4) put(v4, ipv4(first), ipv4(last), number);
    else put(v6, ipv6(first), ipv6(last), number);
  }
  const [four, six] = [sorted(v4), sorted(v6)];
  return {
    ranges: four.first.length + six.first.length,
    badLines,
    countryOf(ip) {
      const family = isIP(ip);
      if (family === 0) return '';
      if (family === 4) return names[find(four, ipv4(ip))]!;
      const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1];
      return names[mapped === undefined ? find(six, ipv6(ip)) : find(four, ipv4(mapped))]!;
    },
  };
}

function put<T extends number | bigint>(ranges: Ranges<T>, first: T, last: T, country: number): void {
  ranges.first.push(first);
  ranges.last.push(last);
  ranges.country.push(country);
}

function sorted<T extends number | bigint>(ranges: Ranges<T>): Ranges<T> {
  const order = ranges.first.map((_, i) => i).sort((a, b) => (ranges.first[a]! < ranges.first[b]! ? -1 : 1));
  return {
    first: order.map((i) => ranges.first[i]!),
    last: order.map((i) => ranges.last[i]!),
    country: order.map((i) => ranges.country[i]!),
  };
}

/** The country's number of the range that holds an address; 0 when none does. */
function find<T extends number | bigint>({ first, last, country }: Ranges<T>, address: T): number {
  let [low, high] = [0, first.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (first[middle]! <= address) low = middle + 1;
    else high = middle;
  }
  return low > 0 && address <= last[low - 1]! ? country[low - 1]! : 0;
}

function ipv4(ip: string): number {
  return ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function ipv6(ip: string): bigint {
  const [head = '', tail = ''] = ip.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [left, right] = [groups(head), groups(tail)];
  // A dotted tail stands for two groups; it is below the first 64 bits.
  const taken = left.length + right.length + (right.at(-1)?.includes('.') === true ? 1 : 0);
  const all = ip.includes('::') ? [...left, ...Array(Math.max(0, 8 - taken)).fill('0'), ...right] : left;
  return all.slice(0, 4).reduce((sum, group) => sum * 65_536n + BigInt(Number.parseInt(group, 16)), 0n);
}

function alpha3(code: string): string {
  const upper = code.toUpperCase();
  if (known.has(upper)) return upper;
  return byAlpha2.get(upper) ?? '';
}

/** ISO 3166-1: the two letters and the three letters of each country. */
const iso =
  'ADAND AEARE AFAFG AGATG AIAIA ALALB AMARM AOAGO AQATA ARARG ASASM ATAUT AUAUS AWABW AXALA AZAZE BABIH BBBRB ' +
  'BDBGD BEBEL BFBFA BGBGR BHBHR BIBDI BJBEN BLBLM BMBMU BNBRN BOBOL BQBES BRBRA BSBHS BTBTN BVBVT BWBWA BYBLR ' +
  'BZBLZ CACAN CCCCK CDCOD CFCAF CGCOG CHCHE CICIV CKCOK CLCHL CMCMR CNCHN COCOL CRCRI CUCUB CVCPV CWCUW CXCXR ' +
  'CYCYP CZCZE DEDEU DJDJI DKDNK DMDMA DODOM DZDZA ECECU EEEST EGEGY EHESH ERERI ESESP ETETH FIFIN FJFJI FKFLK ' +
  'FMFSM FOFRO FRFRA GAGAB GBGBR GDGRD GEGEO GFGUF GGGGY GHGHA GIGIB GLGRL GMGMB GNGIN GPGLP GQGNQ GRGRC GSSGS ' +
  'GTGTM GUGUM GWGNB GYGUY HKHKG HMHMD HNHND HRHRV HTHTI HUHUN IDIDN IEIRL ILISR IMIMN ININD IOIOT IQIRQ IRIRN ' +
  'ISISL ITITA JEJEY JMJAM JOJOR JPJPN KEKEN KGKGZ KHKHM KIKIR KMCOM KNKNA KPPRK KRKOR KWKWT KYCYM KZKAZ LALAO ' +
  'LBLBN LCLCA LILIE LKLKA LRLBR LSLSO LTLTU LULUX LVLVA LYLBY MAMAR MCMCO MDMDA MEMNE MFMAF MGMDG MHMHL MKMKD ' +
  'MLMLI MMMMR MNMNG MOMAC MPMNP MQMTQ MRMRT MSMSR MTMLT MUMUS MVMDV MWMWI MXMEX MYMYS MZMOZ NANAM NCNCL NENER ' +
  'NFNFK NGNGA NINIC NLNLD NONOR NPNPL NRNRU NUNIU NZNZL OMOMN PAPAN PEPER PFPYF PGPNG PHPHL PKPAK PLPOL PMSPM ' +
  'PNPCN PRPRI PSPSE PTPRT PWPLW PYPRY QAQAT REREU ROROU RSSRB RURUS RWRWA SASAU SBSLB SCSYC SDSDN SESWE SGSGP ' +
  'SHSHN SISVN SJSJM SKSVK SLSLE SMSMR SNSEN SOSOM SRSUR SSSSD STSTP SVSLV SXSXM SYSYR SZSWZ TCTCA TDTCD TFATF ' +
  'TGTGO THTHA TJTJK TKTKL TLTLS TMTKM TNTUN TOTON TRTUR TTTTO TVTUV TWTWN TZTZA UAUKR UGUGA UMUMI USUSA UYURY ' +
  'UZUZB VAVAT VCVCT VEVEN VGVGB VIVIR VNVNM VUVUT WFWLF WSWSM YEYEM YTMYT ZAZAF ZMZMB ZWZWE';
const byAlpha2 = new Map(iso.split(' ').map((pair) => [pair.slice(0, 2), pair.slice(2)]));
const known = new Set(byAlpha2.values());
