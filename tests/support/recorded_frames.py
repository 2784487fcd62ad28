"""Small frames pickled by real pandas versions, recorded so that the tests need no pandas.

All hold the same three invented wafers: a 3 x 3 map labelled none (Training, lot1, wafer 1), an
unlabelled 2 x 2 map with a die state of 200 (lot1, wafer 2), and a 1 x 3 map labelled Edge-Ring
(Test, lot2, wafer 1). The columns are ``waferMap``, ``dieSize``, ``lotName``, ``waferIndex``,
``trianTestLabel`` and ``failureType``, with nested arrays as labels; in the MIR frames
``trainTestLabel`` with plain strings, ``[0, 0]`` where unlabelled. Written by
``DataFrame.to_pickle``, then zlib and base85.
"""

from __future__ import annotations

import base64
import zlib


def _recorded(text: str) -> bytes:
    return zlib.decompress(base64.b85decode(text))


#: pandas 0.19.2, numpy 1.11.3, Python 2.7.18, protocol 2: LSWMD.pkl's own layout.
LSWMD_PANDAS_0_19 = _recorded(
    "c-nnbZBx@g5Khvxv;hGXdG!TffPhjdqJpBJ0t$gL1Kh_>=F%R$jBVOYE+USd(GTG8&-^+51HHSXFsW!}n!RRspXb@Vz5"
    "Aw>o7k)1AYX3yB!B4RIx*HT!y9r1>hyQeT97hP&aM-NE8GQo3DQWn*>MvxC?`J2Jm^AcTLxqkpsvS=@8Mctysb6LA9t{"
    "atHd`T$FU8w1l?vk-1REtGYRqz4v1lU<jCF>UkvEEG$M9hX+f`vbjjRT_QHDeI3lixHRfX9$H#{4lXAlgm>-sz0sT>w!"
    "6Bs=u3E|oQk@@raLu$-D{~SDRCtZN3)hjhyJ#tv$^!;WD}~gr#bR;mH-F^IT4Byv32vAudxQ^(zk{1Fh`K5+*>}GX7(!"
    "jO1}lmd4I@KFNa-+wdYSKH?|=ks8#|;1qp153yS30K2b>wk2y>9`iOieD@N^Gu(Z5>ZW3Nh#J@Jkka=Qh0Oq327_8E*@"
    "3ep2cnsC=r#j4SSdsd1@c=t&O9+<SBUUXnWbU?FGr<9j{*e-igmc5)TTj6D+IYmALtC7ui*k3D=RnGr2C&4!*_;kTHz<"
    "X#W#Y_ulDi#wKVlgw9?ST}NQ&dIO_)qCzc^Fltozj^zq$@u)wIkq>2v7wR4@jxPk959m1(>C?ay1Y6M8@MNLzUY0+l`t"
    "#*Jfq8SE|Y$_}KMauiC*`5D1E;oYKiN)Twwr0lyH#Ke>R{+wi)WpN{N>OS7L|mhCk>(vkh_f5M(8pqFCk#S7?M8#=dMs"
    "gl_}SvaTQv$kZ?9?B2w3zPOGKwrxJIgvB4Y|<e*A~Z!q`YOtK-I=o@Cnw5THR&K7rlWN1BJT}p!CRD>%NG{%1$ftjHGW"
    "NCer8~ucB70VZleG;O7Pxn!3TbL>s8<89|PDd+qM(B{QB^0+X!lInco6ioGoo>oY+E{Pq-Fxplv!4wqVDkn+avbSQ&4S"
    "+a8SFf1aT6_=G50Z1vctW6LYrrc)sa1LlNI{tqd=x4i"
)

#: The same versions, the columns of the MIR pickle.
MIR_PANDAS_0_19 = _recorded(
    "c-nPSZBx@g5N^`6v;hGXdGiflkVB<XL`6kG1QY^AEBCRJxwO|_#y0IH7ZJzK=m&84XZ|a_yM&ik%uI5Z-F=?DeRl7MUT"
    "zVuLV{em>C;@*Ck<+@5>D3D4z%f?ptm83aMo^6PAb9$MhQ~bu=#!q(l{$k3I{znWvhTp2dV3E>U*Rfm@D;W`SUjMNR9d"
    "?WCgd0O3;gr!(FdJztSM*kbs)DNB8UvX)&Si+=$qDp$+{A8!Gca*$W%3{U~uGtaF$6KG`>IpO%|m!2PhyO&E-#OhKu<a"
    "M4N}V9ohegiFZMtn@(~P!Tl>6)t0aXTeHXng|#|RuXI93x&ewAMvP<wZxsH5?n#Jr{dC2?l%g<xVK8&dg#+#K>;JUr{3"
    "fRsnRI!=RR@0T^jH$;?O#bVRMgEsjupRahy?q+oT0oDR;2pN!YbQcvyt%>>nw7;?<~Gl;2p88*R9Wa4O)$=P+R<un}<D"
    "f?Jj*cg+^uwvsI3yF*KG7qLNhs=%aFK(msEOq5+cF8iJ;d$F_ZgeV)2Ce$;u9Ics?l{+20Q)hYIV_x)sUM(U@=<#~|-^"
    "DvEc@4=sBzkaPOoG?+C_E^^LnM+UD9)}`YILUPdNr8AhUh~caxABIbMOdfc4a%HceVui7-Puxz+6YB$1+ngt{}|E70jP"
    "E5UPT#II^aTxBJLXB$00Ehiv``8;Re#))nydL@N=H)TCcbg6P#V#QK;R_yxoUIuOql;y`Kef(;Wv7<Kq%1X%0_ygCDT&"
    "BjjwOA%nX8}LTy9067k8)2htjL89wac^lGR&jbZm!Hq&VXY18q7_6;D7<66IPJ*0AHe$(Y@jx5BAjW|d|Ma;u*$aWgs!"
    "-(o^6{!-7Skdw<YCO0&nB=7g7%eQGrc{ZP-D~Vq2o+Ddqma3T#T4KT7l20~g~1qa!@gJxj@WO`XnEflY@r47d|Ixxa1z"
    "kQM"
)

#: pandas 1.5.3, numpy 1.26.4, Python 3.11, protocol 4.
LSWMD_PANDAS_1_5 = _recorded(
    "c-oCrU2oGc6iw1}>o&9x@ihcOd)UKxShXP}KtdX#d<epdG=_MZBBybiXs#34j>Zs^;9+GI=4s}Y-@#Ad=kO2U+DW^v%Q"
    "Pb0*lw=RIoG{DpWPq7s+M`=LW*dJc)gV{TyHbf#Y#>+MFKrH^J8`Ai#kv%()GI?rsVC>^q30FC?dSxMHF=~<4Rt7LXy_"
    "*X1<2)@>;ROCvm_}wkSF0XEcply9E1z-lLPR(yW{A=jh#xh!`=3_5syrxRp>YSk@9cv1$^PoCIu>a;!Y-P&Mp8eN|g(#"
    "j`!ftMpVfC##{@Pjw~IX+Kc?qx^eC+K*JT*?jdE9`o`np@M#6EkBqmkMprMHvZYjM{BrNuuay2EC#t0>Z)=Qw=^GUsCt"
    "g3%iqyVG#f2wnbGBeNY{v5l+K$|(mstz+tAW>)XG_a$^al+KLLp9WtB}?wq-jImX>@L%JCe4y5DcO)^Eoy&#?_1<W%fD"
    "MY<#r>neI-CU;fY7CTq?ZluKM7AW+Vp#GZCwzLgr$siC!3_(Z64n(;e%d-IcX1`&bCwIVoZ=8F6$UU#QF$9MY=W_iYme"
    "!jTy77g&qxTn3JshW69#Sno1Ng8w9!<3hu~l+xxRk>^Gz{_hpK_*cmWqbAoMLo~v9J)sk#~4cL66GC(;gAx517{j#KBp"
    "neTw(|m-;ujAkjBj9n6i#gy1_R9W()pRo(uwwujo7ZK4!zei-Ao@kaoigvM(c<C->~b4WQWSd8d4=HfL9Fi~=*jbf59y"
    "shm3o8F~*TQlqF+xcDIC=<>Q?P%yNJ&vf2em3E%3&aFCk94_6QUzBRCKx8R!NmFn)(Hj#uBxjWIIQ2r0-17mz%h^z;GG"
    "9bPWWwtI%awu5t8h2Kg?3_6C|)tbQxS7@hqtS1JzLViv"
)

#: pandas 2.2.3, numpy 2.1.3, Python 3.11, protocol 5.
LSWMD_PANDAS_2_2 = _recorded(
    "c-oazUu)Dr5KnSRd;LSL|EhhFK2*Fuc(x*<AXKah8hb*mkFso%%_TIKgxw9br3HQH*~0qd+V9{u@#FXnbas=p>2V4!Ol"
    "J0W=QqEZo1IV2_aBa-m$;ncG{CIuXOwh9iU&lBsppvEm)ia&S3b)_*%3Ax^r;lLn%Co$6Pn_Lbq6@beL|TOv(J*u-`On"
    "p;4T&_50u0nJ9m-d5-QR>_IDD3JmsS<UrmcazSl(>9&AEmUy2zN(rn-rVW=THr>jPDU3*&U_K5zqUR^lbOX27MpaZ^_t"
    "Mr5wK9VQLU*wkTxGiBmk-c8;^>0}E;~HFguI09dQkWZ(!!^<Nia6nM3OP6|iG2m*ny%wo3Z?u;Gh(5c%b)-cOeu!gvxp"
    "KuOBtty&%rmE7n4vTeF#X#k=!snSu!$RTg8s92<z<yo(Cg5*MaBB2ib|{I;T^0WlY1gKn(3)teyKut7Eck=}3zzM}=b7"
    "C_gPzMh~F~R`a-3$0$$Db7x^E8DEpphBof&+e_8$Z4e5AL1K`!q5B}3>H9{e(E>1am!J%7#nE)lCW)G&jIO(eYc!AM8x"
    "aWz1L0>89*jnq|4W1#MiI;^P5vL|A4Hd{qZc4SRR$H|F38r{@;n}mx;!Q-fqk>`^|C5m|Gmx`Gk}gqD?i#J_E802w)s#"
    "(%ZZy8heAL;64v!FgHbY#QnHI)sozwm?+d54^-u|5(8%a^bVqf4v{Lu{1Z?i9ZWirb43B;j=Tb}tF?kp71L!2QRZmZ<X"
    "?<KmiaAbWoNg1w-(Zg<FgHRRCj}+j>Zz-G2s>47y<(_pe;^je5vMrqE9fny8*HPmJ$UaNQx0!b*o<engqH{g0mIaoWT^"
    "We!Ek{ws<Nv`DjE=ub-Ev5Y+%k|SRP6-fx-m$wRr<4Nw&*SP~<RFFefNcX)t-r3a|SIepK6y"
)

#: The same versions, protocol 2: bytes by way of _codecs.encode.
LSWMD_PANDAS_2_2_PROTOCOL_2 = _recorded(
    "c-nPU`Fq<$5S5*yi3%k^pxguqtpn6Fp+E|Sl+p%TH7;yZ5JwOzc@v4qvY)gjO{r-M#7VgC`-XBK<%Xa6!(c~ONC17`Xu"
    "R^wy!U3cqvJ)V!GkJ~%1%8L<>`>ugua_gJ|6#qHgp1o7K$aaQ`0o7HWQ*_RfZQx5eD3k$~7MF84*VMF2C-~P9!TGomsf"
    "$dv>%EuUpNa;W@Luuxv`u(d7iqT4TO!#f584UwS+Y`Mhq0!l?(544aPB(Vc|ps%ZQ#)*0FYdK{Hj6;7m!fPU!cH4BQe4"
    "c+Wk-sjQ_hOxel(-=-)#0G{lN=Csb8Xax)r6sF!zM(SDG>a-@dK70ZFD>G1hW?V#5m(!Rb1Id}zQ5EJ-waLSTzlE=HAl"
    "4U>ff38o;Ci@Q)6kw$^&e46{GVQ&X>5rb}Y+odP;U+S$gDqj^c8m;@D*r7jY58#pEwxxYX@(yWLp!fUC4z#&9`l=_D;z"
    "xC#9OqZlOmS2AqM=pV)A)%3?CO7`*;hDuq%tEk}B4A)S>4l1}ME!Z4JnF?OZuvHawH~*^>!*M5iNn1fH6qRWhA%WL1Y?"
    "HX&&OmM;kQ*6BlN~6wvEAKDxm|HzmWl=3M0qze?2x!6&%2fK#u#=|UV+HnmgIF1q{`YwS+_Inme^y*udH8}!x(qRv&9J"
    "R$g15*)%G&%OR5#xFjA?9MzNoyPB2tRDs8$kp!(Y*aUd2sprR&~h03@xPg(E}KcftH5u3Xin8d+c!z7^|Vz`G;HA8FTU"
    "blaF)z;hdQban;A%^=T?$1*npwtH$rgFj$WrVlEBEk<d@SJd8LfDQ8_oak|vPhXEf({X^G6;$39A$=3Tm~;kd1M7;mQZ"
    "|#+FFz#M<Mz3)Ds%&gwkMuM3|#Qgd!Q5c^e*8ZE%&|xjg1D#mqAt$(cNsG1-oz#H7XWc+O-nVR9^HGN_{VD66KMK}@zN"
    "V{13*II%my@Px#Zwra#vIs5{_w;2}Wv$cSw6x<udGJ!wM@Jt52`XD@;za!aIOnqnSyHbzm2>yA77bIS^>3qM$@NyfkOy"
    "Skinn7C?hecGjc_efz5OdaEdZOdC{|`$eUT@)zWPn%IWXGGCz_&=?+YIlJ!0rXS>uyrB;JuRBqeAESv<N471Mi#bDAN-"
    "My(0o2#4B}>D(d@y4^2G_jj`~Nxq)7;(Br|Rh~$253m+ew>uH{H&u@leQjJ)Aq8j~aazF#BbF$KG<1>cO-Tzh-@?b{jj"
    "P9wXFIxDr<esd=BO{VLl=#Zf;);>1H}JI@dC5XF@QqPW^}l8KPPFko!>QzJrlvi9i02jcCI0r|$9QekgyeCvewxD1F$R"
    "}1jPOefzsBDaYue{C5q@jocXK2C?fdn)$f`CQYHo8WET5!D_+u$*+U36i?4mnH"
)

#: pandas 3.0.0, numpy 2.3.5, Python 3.11, protocol 5: text columns of their own type.
MIR_PANDAS_3_0 = _recorded(
    "c-nPT-%r#)5N>-t?hX`VP$ZF{FUBL$OW;Wpqw+(IRB8gelFhc=yEgQ;O}h=8k*E(KBpY8G{hR!EeDh6bw|7SmwMpA)XJ"
    ")_eo1NK@^>6p<hQ8!fN_jwYkgZKB=*x`u8GME1PjC!vX_J001G!Yjbo?Y^ornvTaT@2HKIOE>GR(cQ9w+|6cKMCzZ8<+"
    "oA#vp87darWk%Fg@e-Ja`sU(b+a}&Wd%jf_j7YRuRM;GDl=9==XQ~!VkD(&hpZIm#xE3%09bQJox?o9o(-OsQCp)vApi"
    "b1OMq3nSO6ArIF{3;7^ig9wD7yWe5AzEm^h()B=Mu8+_e!_E+6~0jUbsY(^feeOtj&TATrUweK?U+vO1j0pG4@QvI+ed"
    "JIR(fmFd=IYcZvDnfKb&U*yz_lk^f(bK5I)exDlq(i3Z86wMTCSn3a#gH<f}Cu%c(i0TGFw!&>1;bm4G(OA|Fdbx>?fq"
    "if*^upYIDs^}6xAd^g8$2=7U&J3;u#CBg<0Q!-CMnj0V#{HkN%p9w<Y;|nlz__i*6Yp|#S7C!wSRJb+-vYq-Rpxfb++J"
    "f-zcms4oyDTbCI0Lkhp}}P9MbKjpcd#QsHuo|bab=F(_8!XxDC#X^%+<8;F1Z#f6|T$w;99G2#Z~OlDnBd}LJzmis=8|"
    "<jM7^Xsx}|RnogsXSw4kgDi<cFGGIq6?|3w4Ag2juhvc>Thr5mKUmw|esso&K2xr6Vl@Yla&QHw3-{qV-85Oe;L~J*Dh"
    "d?u38pTD%_Ee9{1~#m#4iGsjR83VC-%yXm$moz_>y<2IQ-5sJblluFS7~mck&lq@^bX}cR$(1}ak1|O%>)jbv~!W9fL)"
    "0OL&MaWOb@Y5aN_VhQ!2aqJd-WbXM$?k`#3&S2t2ip@f0B4nD(@Ji^g$sn3JGLak!{pBv#CGILiyK^9R?U<_r"
)

#: pandas 1.5.3, numpy 1.26.4, Python 3.11; all texts as categories.
CATEGORIES_PANDAS_1_5 = _recorded(
    "c-pO0TTj$L6yA0(Tvfy?iQ&z-Jh*}n#s?D=&_pV0vMz=gNHc9`cN)6WW;zXEB+&;Dl6hm~xA+tMIsOAYGi})xZ;7#+?K#t"
    "#bIv#CeCK?uf9W<V`Vm(nL_HL@+>qf`kD&pUVr&I*^g`<=a_*DdmrYT#2Yn{RZ1K2HIc5|Each7m>SGp5F}W0k?)F-`2J@"
    "!4nVHyu@5DnJDX!QFjeK`Iz_z1|;Ix>g$spQG-Ghpm?@BRY_gFY^l3p)$c{*PyKG&b7aw?Ofnf$((9XMZ0QP=)KdVDWZ*A"
    "r&%u{=KdEIYDkRfX|Hw%hI1GkEmNs&MI8rd2(Z!dR9Zj)_qx@dNHtxI#S+d{?=#46AOL%1int6XHhUDuV<J5Mu~JPudK-A"
    "&ogpTn?sWN{m2)^d>l}9LQzEktrYpeh`{W3-fge=7$R~7Xjw+mTZ#C&C{_wF-FBO;a}1A$->Z{%>Uw&RUK(YT~T?d<zBv-"
    "h9r+52WD}*n#V|YjiE6HXJpo@DDb6(Tq_YlUl>w&$F`%r-60j)E6>!<5^}e(rwUY}Tx!*F5y$-y$bkZ&$8uqHB3Hj|u3u`"
    "am|~`Asw*C6LW-$^)k;Q&jO*jMdv)%1neiUp1t$)Qp-;wbig)an>YJ+LTT#z--7y|?ktBD?JylaOmsiw;#RF9<Q42!8Ahm"
    "d?(<W+EHC;P7ROm-S=3xd&I8K~m$|32xqW)hidXSZ5ALyiN0z59)gshUaVZKNwO#oRZ8|0l*Hvb5}i(?M$&}GP{KJBNK$0"
    ">S3E}%BffQP})m}<~C{}0pHbFYu@cN7{(W=QeBfvQ`LA}B6ZYyCcc<2?T84uT=Ih9W4R=i@j2d*I0k6u7M?>$u)dSt2fT<"
    "|C?-_zF2#5xIx_AYr(x*jU27QKoWELxyNydF?1!;2zk)XyS-*m?xqZ^DvSyH9*0j7}_V+9IM$teVF))tNHY|2bd#G-YuAL"
    "h;x|h`%*OQUV!>qy@i4x+=*>3iD3Rgv)F;UK`f8r#A*Ei0tH*9"
)

#: pandas 3.1.1, numpy 2.4.6, Python 3.11; all texts as categories.
CATEGORIES_PANDAS_3_1 = _recorded(
    "c-p;HTWi!n6i%|2?nT>5r4}rT55oH3Vto)FgxZUWyX`7%DI%0GNoIFKvy*i)p<S`453McCTgUzl|As$D-+ZfQCQ0{#p!C6"
    "6HZ#e&%y-WD&djI6*Kb8b4^iwP>Y+%A@+#u!IYV76PvyPO@<7%^-tKmo6t@zcx*IZF_bJDWq9Cew5k(!$!1l^=5W2hT$vc"
    "?W#B6F}2fh;xY^0d7W7_lG-2mH;G6HQeOXF^@U$?dYZX9qQF^2l!*JjuaX~bFVa-~_&no>-FbFFeJo5rDBF&+6uZpd2Ggk"
    "SDRk||N}c)zD&5!S26^5i&?=Y;t|wpy*mISl=1E^_Id>;UGOVHmK+%y*@z+HDqgow(gjLOUxP=`an`g1;fjoUr1B!5(COb"
    "O!@=Xyz0yVXjCHO5{%MET8%LZkdwYZCXtWfY&l{F54xMCShqQ26v+5#6Bd7LP`r!;Ja9-LdCB@G%fWcRpsb`F+8q6P3Gxz"
    "E~WF2#Z=+qU5C{kN!=6qhrp}>GV%xj6q3y|2x4Z03c73ndfv8s{rv$MTB}P+vW(na>_IHV5Y-jLaVLZ-pa8x!ZWn*%TiU5"
    "1riWy!X`xfnR@_vCVVk*8>Uww|M|B59Sc-~G@t*xseM|N$WNS@*586SJhPaw~$beTjIrC{}DW%^Cs#KN%g68UT5>ol%<F6"
    "#EM@ny!TvMbaGZ|$qc)6)5m=8j}AocW6*ZBxaou{fPTd^`06Cv|3gA|>_&M-}YD7s+&UwL?#77JWMy`XwylxdK)p`czTSt"
    "Xlfo4iqrx1g{yq=1O?@8NCXh)Yr0V#ueEs4PT6ljz91v8c>*=&pDia~?SM-!PY-c^!OzL!pIAgcM&AbfH-s2F)cnzdXL;1"
    "-{ZAf|F?-^?)0mk2n4I!0ibjP)o5!RJ1r@wwMHZBC3k8h8!FKncK(@VurUAVaMaz21Zvl5bfZh#sDcCI2<t!$BoEGJnTt0"
    "8eoB8VQNdPnVPqu4d7l;jnvlniYVJ%%#rS_9XPiT=Wu%*K%dy{0Cn{81`2|3FS5P32d5fzvK=U>kvxuKr~VrwoOi("
)
